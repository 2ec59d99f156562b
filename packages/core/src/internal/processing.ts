import { type AgentEvent, AgentError, type Receipt } from "@agent-runtime/schema"
import { Cause, Effect, Exit, Result, Schema } from "effect"
import { Reply } from "../Workflow.ts"
import type { Activity, Attempt, Interruption } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { conclude, decide, type Ending, type Outcome, settle } from "./settle.ts"
import { retryStep } from "./retry.ts"
import { WorkflowRun } from "./workflowContext.ts"

/**
 * Processes one activity. It ends in this very step where the workflow does; otherwise the workflow's fiber goes on by
 * itself and asks for the next turn when it ends.
 */
export const process = (entry: Entry, activity: Activity): void => {
  const now = entry.kernel.clock.currentTimeMillisUnsafe()
  if (activity.crashes >= maxCrashes) return settle(entry, activity, broken(activity, "defect", crashed))
  const expiresAt = activity.options?.expiresAt
  if (expiresAt !== undefined && now > expiresAt) {
    return settle(entry, activity, unstarted("expired", AgentError.ActivityExpired.of(activity.id)))
  }
  const attempt: Attempt = {
    fiber: undefined,
    timer: undefined,
    interruption: undefined,
    committing: false,
    exit: undefined,
    startedAt: now,
    emitted: noEmitted,
    emittedCount: 0,
    outbox: undefined
  }
  entry.current = activity
  entry.attempt = attempt
  activity.status = "running"
  activity.attempts++
  const { count } = entry
  count.started++
  count.queueWait += now - activity.queuedAt
  if (entry.watchers !== undefined) entry.changed()
  if (entry.journal === undefined) return start(entry, activity, attempt)
  entry.journal.push({
    change: { start: { position: activity.position, attempts: activity.attempts } },
    apply: () => {
      start(entry, activity, attempt)
      entry.wake()
    }
  })
}

/** Crashes of the process after which an activity that ran each time is a dead letter. */
const maxCrashes = 3
const crashed = `the process died ${maxCrashes} times while it ran`

const start = (entry: Entry, activity: Activity, attempt: Attempt): void => {
  if (entry.attempt !== attempt) return
  try {
    if (attempt.interruption === undefined && !attempt.committing) run(entry, activity, attempt)
    else end(entry, activity, attempt, Exit.interrupt())
  } catch (defect) {
    restart(entry, activity, attempt, defect)
  }
}

const noEmitted: Array<AgentEvent.Emitted> = []

const run = (entry: Entry, activity: Activity, attempt: Attempt): void => {
  const { kernel } = entry
  let effect: Effect.Effect<unknown, unknown>
  try {
    if (kernel.config.freezeState) freeze(entry.state)
    // The workflow's services were checked when it was registered: `entry.context` holds them.
    effect = activity.kind.handler(activity, entry.state, new WorkflowRun(entry, activity, attempt)) as typeof effect
  } catch (defect) {
    return end(entry, activity, attempt, Exit.die(defect))
  }
  if (Exit.isExit(effect)) return end(entry, activity, attempt, effect)
  if (!Effect.isEffect(effect)) {
    return end(
      entry,
      activity,
      attempt,
      Exit.die(new TypeError(`The workflow of "${activity.type}" returned no Effect`))
    )
  }
  if (kernel.tracing || activity.parent !== undefined) {
    effect = Effect.withSpan(effect, `${entry.agent.name}.${activity.type}`, {
      parent: activity.parent,
      kind: "consumer",
      attributes: { "agent.runtime.id": entry.id, "agent.activity.id": activity.id, "agent.attempt": activity.attempts }
    })
  }
  const fiber = entry.fork(effect)
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return end(entry, activity, attempt, exit)
  attempt.fiber = fiber
  fiber.addObserver((exit) => {
    if (entry.lingering === attempt) entry.lingering = undefined
    // Abandoned, superseded or restarted: its end is settled already.
    if (entry.attempt !== attempt) return entry.wake()
    try {
      end(entry, activity, attempt, exit)
    } catch (defect) {
      restart(entry, activity, attempt, defect)
    }
    entry.wake()
  })
  // It may have been cancelled or superseded from within while it ran its first steps.
  if (entry.attempt !== attempt) {
    entry.lingering = attempt
    return fiber.interruptUnsafe()
  }
  if (attempt.interruption !== undefined) return fiber.interruptUnsafe()
  const timeout = activity.kind.timeoutMillis ?? kernel.millis.activityTimeout
  if (timeout !== Number.POSITIVE_INFINITY) {
    attempt.timer = kernel.timers.set(attempt.startedAt + timeout, () => interrupt(entry, "timeout"))
  }
}

/**
 * Interrupts what runs, unless its end is being written. The first who asks says what becomes of it; only a terminate
 * overrules.
 */
export const interrupt = (entry: Entry, interruption: Interruption): void => {
  const { attempt } = entry
  if (attempt === undefined || attempt.committing) return
  if (attempt.interruption !== undefined && interruption !== "terminate") return
  attempt.interruption = interruption
  attempt.fiber?.interruptUnsafe()
}

const end = (entry: Entry, activity: Activity, attempt: Attempt, exit: Exit.Exit<unknown, unknown>): void => {
  if (attempt.committing) {
    attempt.exit = exit
    return
  }
  attempt.committing = true
  if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
  const now = entry.kernel.clock.currentTimeMillisUnsafe()
  entry.count.processing += now - attempt.startedAt
  if (Exit.isSuccess(exit)) return settle(entry, activity, succeeded(entry, activity, exit.value))
  if (attempt.interruption !== undefined && Cause.hasInterruptsOnly(exit.cause)) {
    return interrupted(entry, activity, attempt.interruption)
  }
  const found = Cause.findError(exit.cause)
  if (Result.isFailure(found)) {
    if (Cause.hasInterruptsOnly(exit.cause)) {
      return settle(entry, activity, {
        ...unstarted("cancelled", AgentError.ActivityCancelled.of(activity.id)),
        kind: "interrupted"
      })
    }
    return settle(entry, activity, broken(activity, "defect", Cause.squash(exit.cause)))
  }
  if (!activity.kind.isError(found.success)) {
    return settle(entry, activity, broken(activity, "undeclared", found.success))
  }
  declared(entry, activity, found.success, now)
}

const succeeded = (entry: Entry, activity: Activity, value: unknown): Outcome => {
  const { kind } = activity
  const isReply = value instanceof Reply
  const state = isReply ? value.state : value
  const reply: unknown = isReply ? value.value : undefined
  if (state !== entry.state && entry.host.isState !== undefined && !entry.host.isState(state)) {
    return broken(
      activity,
      "invalid",
      `The workflow of "${activity.type}" returned a state that does not fit its schema`
    )
  }
  if (kind.isReply === undefined ? isReply : !kind.isReply(reply)) {
    return broken(
      activity,
      "invalid",
      `The workflow of "${activity.type}" returned a reply that does not fit its schema`
    )
  }
  return { status: "succeeded", exit: Exit.succeed(reply), state, kind: "processed", error: undefined, dead: false }
}

const interrupted = (entry: Entry, activity: Activity, interruption: Interruption): void => {
  switch (interruption) {
    case "requeue":
      entry.count.interrupted++
      return putBack(entry, activity, undefined)
    case "shutdown":
      // With a store: it stays pending there, and runs anew when the runtime is opened again.
      return release(entry)
    case "timeout": {
      const millis = activity.kind.timeoutMillis ?? entry.kernel.millis.activityTimeout
      const error = AgentError.ActivityTimedOut.of(activity.id, millis)
      return settle(entry, activity, { ...unstarted("failed", error), kind: "timeout", dead: true })
    }
    case "cancel":
      return settle(entry, activity, {
        ...unstarted("cancelled", AgentError.ActivityCancelled.of(activity.id)),
        kind: "interrupted"
      })
    case "terminate":
      return settle(entry, activity, {
        ...unstarted("failed", AgentError.AgentRuntimeTerminated.of(entry.id)),
        kind: "interrupted"
      })
  }
}

const declared = (entry: Entry, activity: Activity, error: unknown, now: number): void => {
  const outcome: Outcome = {
    status: "failed",
    exit: Exit.fail(error),
    state: entry.state,
    kind: "declared",
    error: AgentError.toJson(error, activity.kind.encodeError(error)),
    dead: false
  }
  const retry = activity.kind.definition?.retry
  if (retry === undefined || entry.phase !== "active") return settle(entry, activity, outcome)
  activity.retry ??= retryStep(retry)
  const attempt = entry.attempt
  const next = (delay: Exit.Exit<number | undefined>): void => {
    if (Exit.isFailure(delay)) return settle(entry, activity, broken(activity, "defect", Cause.squash(delay.cause)))
    if (delay.value === undefined) return settle(entry, activity, { ...outcome, dead: true })
    // A terminate that came meanwhile cancels pending retries.
    if (entry.phase !== "active") return settle(entry, activity, outcome)
    entry.count.declared++
    entry.count.retried++
    putBack(entry, activity, delay.value <= 0 ? undefined : now + delay.value)
  }
  const fiber = entry.fork(activity.retry(now, error))
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return next(exit)
  fiber.addObserver((exit) => {
    if (entry.attempt !== attempt) return
    next(exit)
    entry.wake()
  })
}

/** An activity that was started waits again: in its lane, or until it is due. */
const putBack = (entry: Entry, activity: Activity, due: number | undefined): void => {
  const { waiting } = entry
  const { attempts, crashes, position, priority } = activity
  release(entry)
  activity.status = "accepted"
  const apply = () => {
    waiting.unreserve(priority)
    if (entry.phase === "closed") return
    if (due === undefined) waiting.enqueue(activity)
    else waiting.hold(activity, due)
    entry.changed()
  }
  waiting.reserve(priority)
  if (entry.journal === undefined) return apply()
  entry.journal.push({ change: { update: [{ position, attempts, crashes, due, ahead: false }] }, apply })
}

/** What the fate of a superseded activity is, decided and not yet in effect. */
export const supersede = (entry: Entry, by: string): Ending | undefined => {
  const { attempt, current } = entry
  if (current === undefined || attempt === undefined || attempt.committing) return undefined
  attempt.committing = true
  const error = AgentError.ActivitySuperseded.of(current.id, by)
  return decide(entry, current, { ...unstarted("superseded", error), kind: "interrupted" })
}

/** A superseded activity has ended: its fiber is interrupted, and nothing else runs until it has let go. */
export const applySuperseded = (entry: Entry, ending: Ending): void => {
  const { attempt } = ending
  if (attempt !== undefined && entry.attempt === attempt) {
    release(entry)
    if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
    if (attempt.fiber !== undefined && attempt.exit === undefined) {
      entry.lingering = attempt
      attempt.fiber.interruptUnsafe()
    }
  }
  conclude(entry, ending, undefined)
}

/** The activity is not superseded after all: it goes on, or ends as it did meanwhile. */
export const spare = (entry: Entry, ending: Ending): void => {
  const { activity, attempt } = ending
  if (attempt === undefined || entry.attempt !== attempt) return
  attempt.committing = false
  if (attempt.exit !== undefined) end(entry, activity, attempt, attempt.exit)
  else if (attempt.interruption !== undefined) attempt.fiber?.interruptUnsafe()
}

const release = (entry: Entry): void => {
  entry.current = undefined
  entry.attempt = undefined
}

const encodeOutcome = Schema.encodeSync(Schema.toCodecJson(AgentError.OutcomeError))

/** The end of an activity whose workflow did not run to an end of its own. */
const unstarted = (status: Receipt.Status, error: AgentError.OutcomeError): Outcome => ({
  status,
  exit: Exit.fail(error),
  state: undefined,
  kind: undefined,
  error: AgentError.toJson(error, encodeOutcome(error)),
  dead: false
})

const broken = (activity: Activity, kind: AgentError.WorkflowDefect["kind"], fault: unknown): Outcome => {
  const text =
    typeof fault === "string"
      ? fault
      : fault instanceof Error
        ? `${fault.name}: ${fault.message}`
        : AgentError.toJson(fault)._tag
  const error = new AgentError.WorkflowDefect({ activityId: activity.id, kind, message: text })
  return { ...unstarted("failed", error), kind: kind === "undeclared" ? "undeclared" : "defect", dead: true }
}

/** Ends an activity that waits: it was withdrawn, or its runtime ends. */
export const settleUnstarted = (
  entry: Entry,
  activity: Activity,
  status: Receipt.Status,
  error: AgentError.OutcomeError
): void => settle(entry, activity, unstarted(status, error))

/** Gives up a running activity that does not let itself be interrupted: whatever it does from now on is ignored. */
export const abandon = (entry: Entry): void => {
  entry.lingering = undefined
  const activity = entry.current
  if (activity === undefined) return
  settle(entry, activity, {
    ...unstarted("failed", AgentError.AgentRuntimeTerminated.of(entry.id)),
    kind: "interrupted"
  })
}

/**
 * The processing itself broke, not the workflow: the activity ends as a defect, the runtime goes on from its last
 * committed state, and ends when that happens too often.
 */
const restart = (entry: Entry, activity: Activity, attempt: Attempt, defect: unknown): void => {
  if (entry.attempt === attempt) {
    if (attempt.timer !== undefined) entry.kernel.timers.cancel(attempt.timer)
    settle(entry, activity, broken(activity, "defect", defect))
  }
  if (++entry.count.restarts > entry.kernel.config.maxRestarts) entry.kernel.terminate(entry)
}

const freeze = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const key of Object.keys(value)) freeze((value as Record<string, unknown>)[key])
}
