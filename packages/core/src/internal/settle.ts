import type { AgentEvent, Receipt } from "@agent-runtime/schema"
import type { Exit } from "effect"
import type { Activity } from "./activity.ts"
import type { Entry } from "./entry.ts"

/** How an activity ended. */
export interface Outcome {
  readonly status: Receipt.Status
  /** What who asked gets. */
  readonly exit: Exit.Exit<unknown, unknown>
  /** The new state; looked at only if the activity succeeded. */
  readonly state: unknown
  /** Which counter the end of the attempt goes to; `undefined` if it never started. */
  readonly kind: "processed" | "declared" | "undeclared" | "defect" | "timeout" | "interrupted" | undefined
  readonly error: Receipt.ErrorJson | undefined
  /** Whether it becomes a dead letter. */
  readonly dead: boolean
}

/**
 * The one place where activities end. In one synchronous step: the state changes, the event is logged and published, the
 * receipt is final. Who waits for it is woken after the step.
 */
export const settle = (entry: Entry, activity: Activity, outcome: Outcome): void => {
  const now = entry.kernel.clock.currentTimeMillisUnsafe()
  const { attempt } = entry
  if (entry.current === activity) {
    entry.current = undefined
    entry.attempt = undefined
  }
  const succeeded = outcome.status === "succeeded"
  if (succeeded) entry.state = outcome.state
  const sequence = ++entry.sequence
  activity.status = outcome.status
  activity.exit = outcome.exit
  activity.error = outcome.error
  activity.endedAt = now
  activity.sequence = sequence
  count(entry, outcome)
  if (outcome.dead) bury(entry, activity, outcome.error!, now)
  entry.retain(activity)
  entry.publish(toEvent(entry, activity, now))
  const waiters = activity.takeWaiters()
  if (waiters !== undefined) for (const notify of waiters) entry.kernel.dispatcher.defer(notify)
  if (entry.watchers !== undefined) entry.changed()
  if (succeeded && attempt?.outbox !== undefined) {
    for (const outgoing of attempt.outbox) entry.kernel.deliver(entry, outgoing)
  }
  if (outcome.kind === "defect" && entry.host.onDefect === "terminate") entry.close()
}

const count = (entry: Entry, outcome: Outcome): void => {
  const counters = entry.count
  if (outcome.kind !== undefined) counters[outcome.kind]++
  if (outcome.status === "succeeded") entry.failing = false
  else if (outcome.status !== "failed") {
    if (outcome.status === "expired" || outcome.status === "cancelled" || outcome.status === "superseded") {
      counters[outcome.status]++
    }
  }
}

/** Makes a dead letter of an activity, and an error of the runtime's status. */
const bury = (entry: Entry, activity: Activity, error: Receipt.ErrorJson, at: number): void => {
  entry.failing = true
  entry.lastError = { activityId: activity.id, type: activity.type, error, at }
  const { attempts, id, payload, priority, type } = activity
  entry.bury({ of: activity, letter: { activityId: id, type, payload, priority, attempts, error, at } })
}

const toEvent = (entry: Entry, activity: Activity, at: number): AgentEvent.Processed | AgentEvent.Failed => {
  const event: {
    -readonly [K in keyof AgentEvent.Processed]: AgentEvent.Processed[K]
  } = {
    _tag: "Processed",
    sequence: entry.sequence,
    epoch: entry.epoch,
    activityId: activity.id,
    type: activity.type,
    priority: activity.priority,
    payload: activity.payload,
    attempts: activity.attempts,
    at
  }
  if (activity.options?.correlationId !== undefined) event.correlationId = activity.options.correlationId
  if (activity.exit?._tag === "Success") {
    if (activity.exit.value !== undefined) event.reply = activity.exit.value
    return event
  }
  return { ...event, _tag: "Failed", error: activity.error! }
}
