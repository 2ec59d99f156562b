import type { AgentEvent, Receipt } from "@agent-runtime/schema"
import type { Exit } from "effect"
import type { Change, Written } from "../RuntimeStore.ts"
import type { Activity, Attempt } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { encodeDead, encodeInfo, encodeLogEntry, encodeOutgoing } from "./persisted.ts"

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

/** The decided end of one activity, before and after it is written. */
export interface Ending {
  readonly activity: Activity
  readonly attempt: Attempt | undefined
  readonly outcome: Outcome
  readonly sequence: number
  readonly at: number
}

/**
 * Where activities end. Without a journal the end takes effect in this very step; with one it is written first, together
 * with the new state and what the workflow sends.
 */
export const settle = (entry: Entry, activity: Activity, outcome: Outcome): void => {
  const ending = decide(entry, activity, outcome)
  if (entry.current === activity) {
    entry.current = undefined
    entry.attempt = undefined
  }
  if (entry.journal === undefined) return conclude(entry, ending, undefined)
  entry.journal.push({
    change: changeOf(entry, ending),
    apply: (written) => conclude(entry, ending, written)
  })
}

/** Gives the end of an activity its place in the log. */
export const decide = (entry: Entry, activity: Activity, outcome: Outcome): Ending => ({
  activity,
  attempt: entry.current === activity ? entry.attempt : undefined,
  outcome,
  sequence: ++entry.assigned,
  at: entry.kernel.clock.currentTimeMillisUnsafe()
})

/** What the store is told of an end. */
export const changeOf = (entry: Entry, ending: Ending): Change => {
  const { activity, at, attempt, outcome, sequence } = ending
  const succeeded = outcome.status === "succeeded"
  const lastError = outcome.dead ? lastErrorOf(ending) : entry.lastError
  const sent = succeeded ? attempt?.outbox : undefined
  return {
    remove: [activity.position],
    append: [{ sequence, at, entry: encodeLogEntry(activity, outcome) }],
    ...(succeeded ? { state: entry.host.encodeState(outcome.state, sequence, entry.kernel.config.statePolicy) } : {}),
    ...(outcome.dead || (succeeded && entry.failing)
      ? { info: encodeInfo({ paused: entry.paused, failing: !succeeded, lastError }) }
      : {}),
    ...(outcome.dead ? { bury: [encodeDead(activity, outcome.error!, at)] } : {}),
    ...(sent === undefined ? {} : { send: sent.map(encodeOutgoing) })
  }
}

/**
 * In one synchronous step: the state changes, the event is logged and published, the receipt is final. Who waits for it is
 * woken after the step.
 */
export const conclude = (entry: Entry, ending: Ending, written: Written | undefined): void => {
  const { activity, at, attempt, outcome, sequence } = ending
  const { kernel } = entry
  const succeeded = outcome.status === "succeeded"
  if (succeeded) {
    entry.state = outcome.state
    entry.failing = false
  }
  entry.sequence = sequence
  activity.status = outcome.status
  activity.exit = outcome.exit
  activity.error = outcome.error
  activity.endedAt = at
  activity.sequence = sequence
  if (outcome.kind !== undefined) entry.count[outcome.kind]++
  if (isCounted(outcome.status)) entry.count[outcome.status]++
  if (outcome.dead) {
    entry.failing = true
    entry.lastError = lastErrorOf(ending)
    const { attempts, id, payload, priority, type } = activity
    entry.bury({
      of: activity,
      letter: { activityId: id, type, payload, priority, attempts, error: outcome.error!, at },
      position: written?.buried[0] ?? 0
    })
  }
  entry.receipts.end(activity)
  entry.publish(toEvent(entry, activity, at))
  const waiters = activity.takeWaiters()
  if (waiters !== undefined) for (const notify of waiters) kernel.dispatcher.defer(notify)
  if (entry.watchers !== undefined) entry.changed()
  if (succeeded && attempt?.outbox !== undefined) {
    attempt.outbox.forEach((outgoing, index) => kernel.deliver(entry, outgoing, written?.outbox[index] ?? 0))
  }
  if (outcome.kind === "defect" && entry.host.onDefect === "terminate") kernel.terminate(entry)
}

const isCounted = (status: Receipt.Status): status is "expired" | "cancelled" | "superseded" =>
  status === "expired" || status === "cancelled" || status === "superseded"

const lastErrorOf = ({ activity, at, outcome }: Ending) => ({
  activityId: activity.id,
  type: activity.type,
  error: outcome.error!,
  at
})

/** The event of an ended activity. */
export const toEvent = (entry: Entry, activity: Activity, at: number): AgentEvent.Processed | AgentEvent.Failed => {
  const event: {
    -readonly [K in keyof AgentEvent.Processed]: AgentEvent.Processed[K]
  } = {
    _tag: "Processed",
    sequence: activity.sequence!,
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
