import { AgentError, type Receipt } from "@agent-runtime/schema"
import { Cause, Effect, Exit, Result, Schema } from "effect"
import { Reply } from "../Workflow.ts"
import type { Activity } from "./activity.ts"
import { Attempt, type Interruption } from "./attempt.ts"
import type { Entry } from "./entry.ts"
import { freeze } from "./freeze.ts"
import { misfit } from "./host.ts"
import { encodeDue, encodeReturned } from "./persisted.ts"
import { retryStep } from "./retry.ts"
import { changeOf, conclude, type Outcome, record, settle } from "./settle.ts"

/**
 * Processes one activity. It ends in this very step where the workflow does; otherwise the workflow's fiber goes on by
 * itself and asks for the next turn when it ends.
 */
export const process = (entry: Entry, activity: Activity, now: number): void => {
  entry.kernel.injectFault?.("taken", entry.id, activity.id)
  if (activity.crashes >= maxCrashes) return settle(entry, activity, broken(activity, "defect", crashed), now)
  if (isExpired(entry, activity, now)) return expire(entry, activity, now)
  const attempt = new Attempt(entry, activity, now)
  entry.attempt = attempt
  activity.status = "running"
  activity.attempts++
  const { count } = entry
  count.started++
  count.queueWait += now - activity.since
  entry.host.metrics?.started(now - activity.since)
  if (entry.watchers !== undefined) entry.changed()
  if (entry.journal === undefined) return start(entry, attempt)
  entry.journal.push({
    change: () => ({ start: { position: activity.position, attempts: activity.attempts } }),
    apply: () => startWritten(entry, attempt)
  })
}

const startWritten = (entry: Entry, attempt: Attempt): void => {
  const { activity } = attempt
  // Whether it is superseded instead is about to be written.
  if (attempt.committing && attempt.interruption === undefined) {
    return entry.journal!.afterwards(() => startWritten(entry, attempt))
  }
  // The store may have been away for long.
  attempt.startedAt = entry.now
  if (entry.attempt === attempt && !attempt.committing && isExpired(entry, activity, attempt.startedAt)) {
    activity.attempts--
    expire(entry, activity, attempt.startedAt)
  } else start(entry, attempt)
  entry.wake()
}

const isExpired = ({ kernel }: Entry, { options }: Activity, now: number): boolean =>
  options?.expiresAt !== undefined && kernel.startedAt + now > options.expiresAt

const expire = (entry: Entry, activity: Activity, now: number): void =>
  settle(entry, activity, unprocessed("expired", AgentError.ActivityExpired.of(activity.id)), now)

/** Crashes of the process after which an activity that ran each time is a dead letter. */
const maxCrashes = 3
const crashed = `the process died ${maxCrashes} times while it ran`

const start = (entry: Entry, attempt: Attempt): void => {
  if (entry.attempt !== attempt) return
  try {
    entry.kernel.injectFault?.("started", entry.id, attempt.activity.id)
    if (attempt.interruption === undefined) run(entry, attempt)
    else end(entry, attempt, Exit.interrupt(), entry.now)
  } catch (defect) {
    restart(entry, attempt, defect)
  }
}

const run = (entry: Entry, attempt: Attempt): void => {
  const { kernel } = entry
  const { activity } = attempt
  let effect: Effect.Effect<unknown, unknown>
  try {
    if (kernel.config.freezeState) freeze(entry.state)
    // The workflow's services were checked when it was registered: `entry.context` holds them.
    effect = activity.kind.handler(activity, entry.state, attempt) as typeof effect
  } catch (defect) {
    return end(entry, attempt, Exit.die(defect), attempt.startedAt)
  }
  if (kernel.tracing || activity.parent !== undefined) effect = traced(entry, activity, effect)
  else if (isExit(effect)) return end(entry, attempt, effect, attempt.startedAt)
  const fiber = entry.run(effect)
  const exit = fiber.pollUnsafe()
  // It may have been superseded from within.
  const isOurs = entry.attempt === attempt
  if (exit !== undefined) {
    if (isOurs) end(entry, attempt, exit, attempt.startedAt)
    return
  }
  attempt.fiber = fiber
  fiber.addObserver((exit) => {
    if (entry.lingering === attempt) entry.lingering = undefined
    // Unless it was superseded, abandoned or restarted: then its end is settled already.
    if (entry.attempt === attempt) {
      try {
        end(entry, attempt, exit, entry.now)
      } catch (defect) {
        restart(entry, attempt, defect)
      }
    }
    entry.wake()
  })
  if (!isOurs) {
    entry.lingering = attempt
    return fiber.interruptUnsafe()
  }
  if (attempt.interruption !== undefined) return fiber.interruptUnsafe()
  const timeout = activity.kind.timeoutMillis ?? kernel.millis.activityTimeout
  if (timeout !== Number.POSITIVE_INFINITY) {
    attempt.timer = kernel.timers.set(attempt.startedAt + timeout, () => interrupt(entry, "timeout"))
  }
}

/** As `Exit.isExit`, which is slow to answer. Handlers without types may answer anything. */
const isExit = (effect: object | null | undefined): effect is Exit.Exit<unknown, unknown> => {
  if (typeof effect !== "object" || effect === null) return false
  const prototype: unknown = Object.getPrototypeOf(effect)
  return prototype === success || prototype === failure
}
const success: unknown = Object.getPrototypeOf(Exit.void)
const failure: unknown = Object.getPrototypeOf(Exit.fail(undefined))

const traced = (entry: Entry, activity: Activity, effect: Effect.Effect<unknown, unknown>) =>
  Effect.withSpan(effect, `${entry.agent.name}.${activity.type}`, {
    parent: activity.parent,
    kind: "consumer",
    attributes: { "agent.runtime.id": entry.id, "agent.activity.id": activity.id, "agent.attempt": activity.attempts }
  })

/**
 * Interrupts what runs, unless its end is being written; where that is refused, it is interrupted then. The first who asks
 * says what becomes of it; only a terminate overrules.
 */
export const interrupt = (entry: Entry, interruption: Interruption): void => {
  const { attempt } = entry
  if (attempt === undefined) return
  if (attempt.interruption !== undefined && interruption !== "terminate") return
  attempt.interruption = interruption
  if (!attempt.committing) attempt.fiber?.interruptUnsafe()
}

const end = (entry: Entry, attempt: Attempt, exit: Exit.Exit<unknown, unknown>, now: number): void => {
  if (attempt.committing) {
    attempt.exit = exit
    return
  }
  attempt.committing = true
  if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
  const { activity } = attempt
  entry.kernel.injectFault?.("ended", entry.id, activity.id)
  entry.count.processing += now - attempt.startedAt
  entry.host.metrics?.ran(now - attempt.startedAt)
  if (Exit.isSuccess(exit)) return succeeded(entry, attempt, exit.value, now)
  const found = Cause.findError(exit.cause)
  if (Result.isSuccess(found)) {
    if (activity.kind.isError(found.success)) return declared(entry, attempt, found.success, now)
    report(entry, activity, "failed with what its type does not declare", exit.cause)
    return settle(entry, activity, broken(activity, "undeclared", found.success), now)
  }
  if (!Cause.hasInterruptsOnly(exit.cause)) {
    report(entry, activity, "died", exit.cause)
    return settle(entry, activity, broken(activity, "defect", Cause.squash(exit.cause)), now)
  }
  interrupted(entry, activity, attempt.interruption ?? "cancel", now)
}

/** A fault of the workflow, with all that is known of it: who asked is told no more than its message. */
const report = ({ id, kernel }: Entry, activity: Activity, how: string, cause: Cause.Cause<unknown>): void => {
  kernel.fork(
    Effect.logError(`"${activity.type}" ${activity.id} of agent runtime "${id}" ${how}`, cause),
    kernel.context
  )
}

const succeeded = (entry: Entry, attempt: Attempt, value: unknown, now: number): void => {
  const { activity } = attempt
  const { kind } = activity
  const isReply = value instanceof Reply
  const state = isReply ? value.state : value
  const reply: unknown = isReply ? value.value : undefined
  if (state !== entry.state && entry.host.isState !== undefined && !entry.host.isState(state)) {
    return invalid(entry, activity, `a state that does not fit its schema${misfit(entry.agent.state, state)}`, now)
  }
  if (kind.isReply === undefined ? isReply : !kind.isReply(reply)) {
    const why = misfit(kind.definition?.success, reply)
    return invalid(entry, activity, `a reply that does not fit its schema${why}`, now)
  }
  const exit = reply === undefined ? Exit.void : Exit.succeed(reply)
  if (entry.journal !== undefined || attempt.outbox !== undefined) {
    const outcome: Outcome = { status: "succeeded", exit, state, kind: "processed", error: undefined, dead: false }
    if (entry.journal === undefined) return settle(entry, activity, outcome, now)
    const encoded = entry.host.encodeState(state)
    if (Result.isFailure(encoded)) {
      return invalid(entry, activity, `a state that cannot be stored: ${encoded.failure}`, now)
    }
    return settle(entry, activity, { ...outcome, encoded: encoded.success }, now)
  }
  // What `settle` would do, without a word about what most activities have not.
  entry.attempt = undefined
  entry.state = state
  entry.failing = false
  entry.count.processed++
  entry.host.metrics?.ended("processed")
  activity.status = "succeeded"
  activity.exit = exit
  activity.since = now
  record(entry, activity, entry.sequence + 1)
}

const invalid = (entry: Entry, activity: Activity, what: string, now: number): void =>
  settle(entry, activity, broken(activity, "invalid", `The workflow of "${activity.type}" returned ${what}`), now)

const interrupted = (entry: Entry, activity: Activity, interruption: Interruption, now: number): void => {
  const { id } = activity
  switch (interruption) {
    case "requeue":
      entry.count.interrupted++
      entry.host.metrics?.ended("interrupted")
      return putBack(entry, activity, undefined)
    case "shutdown":
      // With a store: it stays pending there, and runs anew, first of all, when the runtime is opened again.
      return putBack(entry, activity, undefined, true)
    case "timeout": {
      const millis = activity.kind.timeoutMillis ?? entry.kernel.millis.activityTimeout
      const outcome = unprocessed("failed", AgentError.ActivityTimedOut.of(id, millis))
      return settle(entry, activity, { ...outcome, kind: "timeout", dead: true }, now)
    }
    case "cancel": {
      const outcome = unprocessed("cancelled", AgentError.ActivityCancelled.of(id))
      return settle(entry, activity, { ...outcome, kind: "interrupted" }, now)
    }
    case "terminate": {
      const outcome = unprocessed("failed", AgentError.AgentRuntimeTerminated.of(entry.id))
      return settle(entry, activity, { ...outcome, kind: "interrupted" }, now)
    }
  }
}

const declared = (entry: Entry, attempt: Attempt, error: unknown, now: number): void => {
  const { activity } = attempt
  const outcome: Outcome = {
    status: "failed",
    exit: Exit.fail(error),
    state: undefined,
    kind: "declared",
    error: AgentError.toJson(error, activity.kind.encodeError(error)),
    dead: false
  }
  const retry = activity.kind.definition?.retry
  if (retry === undefined || entry.isEnding) return settle(entry, activity, outcome, now)
  const { rare } = activity
  const next = (delay: Exit.Exit<number | undefined>): void => {
    if (entry.attempt !== attempt) return
    if (Exit.isFailure(delay)) {
      return settle(entry, activity, broken(activity, "defect", Cause.squash(delay.cause)), now)
    }
    if (delay.value === undefined) return settle(entry, activity, { ...outcome, dead: true }, now)
    // A terminate that came meanwhile cancels pending retries.
    if (entry.isEnding) return settle(entry, activity, outcome, now)
    entry.count.declared++
    entry.host.metrics?.ended("declared")
    entry.count.retried++
    rare.failures++
    putBack(entry, activity, delay.value <= 0 ? undefined : now + delay.value)
  }
  const fiber = entry.run((rare.retry ??= retryStep(retry, rare.failures))(now, error))
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return next(exit)
  fiber.addObserver((exit) => {
    next(exit)
    entry.wake()
  })
}

/** An activity that was started waits again: in its lane, or until it is due. */
const putBack = (entry: Entry, activity: Activity, due: number | undefined, ahead = false): void => {
  const { waiting } = entry
  waiting.reenter(activity.priority)
  const attempt = entry.stopRunning(activity)
  activity.status = "accepted"
  const apply = () => {
    activity.since = entry.now
    if (due === undefined) waiting.enqueue(activity)
    else entry.hold(activity, due)
    entry.changed()
  }
  if (entry.journal === undefined) return apply()
  // Where it waits for nothing it has its place from now on.
  const dueAt = encodeDue(entry.kernel, due ?? (ahead ? undefined : entry.now))
  const update = [encodeReturned(activity, dueAt, ahead)]
  entry.history.beginSettling(activity, attempt)
  entry.journal.push({
    change: () => ({ update }),
    apply: () => {
      entry.history.endSettling(activity)
      apply()
    }
  })
}

/** The end of an activity whose workflow did not run to an end of its own. */
const unprocessed = (status: Receipt.Status, error: AgentError.OutcomeError): Outcome => ({
  status,
  exit: Exit.fail(error),
  state: undefined,
  kind: undefined,
  error: AgentError.toJson(error, encodeOutcome(error)),
  dead: false
})

const encodeOutcome = Schema.encodeSync(Schema.toCodecJson(AgentError.OutcomeError))

const broken = (activity: Activity, kind: AgentError.WorkflowDefect["kind"], fault: unknown): Outcome => {
  // What the store says is for who runs the process: it may name files and hosts.
  const isTold = fault instanceof Error && !(fault instanceof AgentError.StoreUnavailable)
  const message = typeof fault === "string" ? fault : isTold ? `${fault.name}: ${fault.message}` : described(fault)
  const error = new AgentError.WorkflowDefect({ activityId: activity.id, kind, message })
  return { ...unprocessed("failed", error), kind: kind === "undeclared" ? "undeclared" : "defect", dead: true }
}

/** By its tag, where it has one. */
const described = (fault: unknown): string => {
  const { _tag, message } = AgentError.toJson(fault)
  return _tag === "Error" ? message : _tag
}

/** Ends an activity that waits: it was withdrawn, or its runtime ends. `spare` as in `settle`. */
export const settleWaiting = (
  entry: Entry,
  activity: Activity,
  status: Receipt.Status,
  error: AgentError.OutcomeError,
  spare?: () => void
): void => settle(entry, activity, unprocessed(status, error), entry.now, spare)

/** Gives up a running activity that does not let itself be interrupted: whatever it does from now on is ignored. */
export const abandon = (entry: Entry): void => {
  entry.lingering = undefined
  const { attempt, journal } = entry
  if (attempt === undefined) return
  const apply = (): void => {
    if (entry.attempt !== attempt) return
    if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
    const outcome = unprocessed("failed", AgentError.AgentRuntimeTerminated.of(entry.id))
    settle(entry, attempt.activity, { ...outcome, kind: "interrupted" }, entry.now)
  }
  // That it was superseded may be about to be written.
  if (attempt.committing && journal !== undefined) journal.afterwards(apply)
  else apply()
}

/** A running activity that is about to be superseded. */
export interface Superseding {
  readonly attempt: Attempt
  readonly outcome: Outcome
  readonly at: number
}

/** Decides the fate of what runs, not yet in effect; from here on nobody else can end it. */
export const supersede = (entry: Entry, by: string): Superseding | undefined => {
  const { attempt } = entry
  if (attempt === undefined || attempt.committing) return undefined
  attempt.committing = true
  const outcome = unprocessed("superseded", AgentError.ActivitySuperseded.of(attempt.activity.id, by))
  return { attempt, outcome: { ...outcome, kind: "interrupted" }, at: entry.now }
}

/** What the store is told of it. */
export const supersededChange = (entry: Entry, { at, attempt, outcome }: Superseding, sequence: number) =>
  changeOf(entry, attempt.activity, attempt, outcome, sequence, at)

/** It has ended: its fiber is interrupted, and nothing else runs until that has let go. */
export const applySuperseded = (entry: Entry, { at, attempt, outcome }: Superseding, sequence: number): void => {
  const { activity } = attempt
  entry.stopRunning(activity)
  if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
  conclude(entry, activity, attempt, outcome, sequence, at, undefined)
  if (attempt.fiber === undefined || attempt.exit !== undefined) return
  entry.lingering = attempt
  attempt.fiber.interruptUnsafe()
}

/** It is not superseded after all: it goes on, or ends as it did meanwhile. */
export const spare = (entry: Entry, { attempt }: Superseding): void => {
  attempt.committing = false
  if (entry.attempt !== attempt) return
  if (attempt.exit !== undefined) end(entry, attempt, attempt.exit, entry.now)
  else if (attempt.interruption !== undefined) attempt.fiber?.interruptUnsafe()
  entry.wake()
}

/**
 * The processing itself broke, not the workflow: the activity ends as a defect, the runtime goes on from its last
 * committed state, and ends when that happens too often.
 */
export const restart = (entry: Entry, attempt: Attempt, defect: unknown): void => {
  if (entry.attempt === attempt) {
    if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
    settle(entry, attempt.activity, broken(attempt.activity, "defect", defect), entry.now)
  }
  countRestart(entry)
}

/** The processing of a runtime has died and goes on; one that does so too often ends. */
export const countRestart = (entry: Entry): void => {
  if (++entry.count.restarts > entry.kernel.config.maxRestarts) entry.kernel.terminate(entry)
}
