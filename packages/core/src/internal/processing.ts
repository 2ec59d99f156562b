import { type AgentEvent, AgentError, type Receipt } from "@agent-runtime/schema"
import { Cause, Effect, Exit, Result, Schema } from "effect"
import { Reply } from "../Workflow.ts"
import type { Activity, Attempt, Interruption } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { type Outcome, settle } from "./settle.ts"
import { retryStep } from "./retry.ts"
import { WorkflowRun } from "./workflowContext.ts"

/**
 * Processes one activity. It ends in this very step where the workflow does; otherwise the workflow's fiber goes on by
 * itself and asks for the next turn when it ends.
 */
export const process = (entry: Entry, activity: Activity): void => {
  const now = entry.kernel.clock.currentTimeMillisUnsafe()
  const expiresAt = activity.options?.expiresAt
  if (expiresAt !== undefined && now > expiresAt) {
    return settle(entry, activity, unstarted("expired", AgentError.ActivityExpired.of(activity.id)))
  }
  const attempt: Attempt = {
    fiber: undefined,
    timer: undefined,
    interruption: undefined,
    committing: false,
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
  try {
    run(entry, activity, attempt)
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
    // Abandoned, or restarted: its end is settled already.
    if (entry.attempt !== attempt) return
    try {
      end(entry, activity, attempt, exit)
    } catch (defect) {
      restart(entry, activity, attempt, defect)
    }
    entry.wake()
  })
  // It may have been cancelled from within while it ran its first steps.
  if (attempt.interruption !== undefined) return fiber.interruptUnsafe()
  const timeout = activity.kind.timeoutMillis ?? kernel.millis.activityTimeout
  if (timeout !== Number.POSITIVE_INFINITY) {
    attempt.timer = kernel.timers.set(attempt.startedAt + timeout, () => interrupt(entry, { _tag: "timeout" }))
  }
}

/**
 * Interrupts what runs, unless its end is being written. The first who asks says what becomes of it; only a terminate
 * overrules.
 */
export const interrupt = (entry: Entry, interruption: Interruption): void => {
  const { attempt } = entry
  if (attempt === undefined || attempt.committing) return
  if (attempt.interruption !== undefined && interruption._tag !== "terminate") return
  attempt.interruption = interruption
  attempt.fiber?.interruptUnsafe()
}

const end = (entry: Entry, activity: Activity, attempt: Attempt, exit: Exit.Exit<unknown, unknown>): void => {
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
  switch (interruption._tag) {
    case "requeue":
      release(entry)
      return entry.enqueue(activity)
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
    case "supersede":
      return settle(entry, activity, {
        ...unstarted("superseded", AgentError.ActivitySuperseded.of(activity.id, interruption.by)),
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
    release(entry)
    if (delay.value <= 0) entry.enqueue(activity)
    else entry.delay(activity, now + delay.value)
    entry.changed()
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
  if (++entry.count.restarts > entry.kernel.config.maxRestarts) entry.close()
}

const freeze = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const key of Object.keys(value)) freeze((value as Record<string, unknown>)[key])
}
