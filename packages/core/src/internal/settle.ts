import type { Receipt } from "@agent-runtime/schema"
import type { Exit, Schema } from "effect"
import type { Change, Written } from "../RuntimeStore.ts"
import type { Activity } from "./activity.ts"
import type { Attempt } from "./attempt.ts"
import type { Entry } from "./entry.ts"
import { toEvent } from "./event.ts"
import { deliver } from "./outbox.ts"
import { encodeDead, encodeLogEntry, encodeOutgoing } from "./persisted.ts"

/** How an activity ended. */
export interface Outcome {
  readonly status: Receipt.Status
  /** What who asked gets. */
  readonly exit: Exit.Exit<unknown, unknown>
  /** The new state; looked at only if the activity succeeded. */
  readonly state: unknown
  /** The new state in JSON, where there is a store. */
  readonly encoded?: Schema.Json
  /** Which counter the end of the attempt goes to; `undefined` if it never started. */
  readonly kind: "processed" | "declared" | "undeclared" | "defect" | "timeout" | "interrupted" | undefined
  readonly error: Receipt.ErrorJson | undefined
  /** Whether it becomes a dead letter. */
  readonly dead: boolean
}

/**
 * Where activities end, at `at` in milliseconds since the manager started. Without a journal the end takes effect in this very
 * step; with one it is written first, together with the new state and what the workflow sends, and the runtime is `processing`
 * until then. With `spare` it is not tried again where the store is unavailable: the activity then has not ended, and `spare`
 * says what becomes of it.
 */
export const settle = (entry: Entry, activity: Activity, outcome: Outcome, at: number, spare?: () => void): void => {
  const attempt = entry.stopRunning(activity)
  const { journal } = entry
  if (journal === undefined) return conclude(entry, activity, attempt, outcome, entry.sequence + 1, at, undefined)
  let sequence = 0
  entry.history.beginSettling(activity, attempt)
  journal.push({
    change: () => changeOf(entry, activity, attempt, outcome, (sequence = journal.nextSequence()), at),
    apply: (written) => {
      entry.history.endSettling(activity)
      conclude(entry, activity, attempt, outcome, sequence, at, written)
    },
    ...(spare === undefined
      ? {}
      : {
          refuse: () => {
            entry.history.endSettling(activity)
            spare()
          }
        })
  })
}

/** What the store is told of an end. */
export const changeOf = (
  entry: Entry,
  activity: Activity,
  attempt: Attempt | undefined,
  outcome: Outcome,
  sequence: number,
  at: number
): Change => {
  const succeeded = outcome.status === "succeeded"
  const time = entry.kernel.startedAt + at
  const sent = succeeded ? attempt?.outbox : undefined
  return {
    remove: [activity.position],
    append: [{ sequence, at: time, entry: encodeLogEntry(activity, outcome) }],
    ...(outcome.encoded === undefined ? {} : { state: stateOf(entry, outcome.encoded, sequence) }),
    ...(outcome.dead || (succeeded && entry.failing)
      ? {
          info: entry.journal!.nextInfo(
            succeeded ? { failing: false } : { failing: true, lastError: lastErrorOf(activity, outcome, time) }
          )
        }
      : {}),
    ...(outcome.dead ? { bury: [encodeDead(activity, outcome.error!, time)] } : {}),
    ...(sent === undefined ? {} : { send: sent.map(encodeOutgoing) })
  }
}

const stateOf = ({ agent, kernel }: Entry, state: Schema.Json, sequence: number): NonNullable<Change["state"]> => {
  const { statePolicy } = kernel.config
  const keep = statePolicy === "all" || (statePolicy !== "last" && sequence % statePolicy.every === 0)
  return { state, version: agent.version, sequence, keep }
}

/** In one synchronous step: the state changes, the receipt is final, the event is logged and published. */
export const conclude = (
  entry: Entry,
  activity: Activity,
  attempt: Attempt | undefined,
  outcome: Outcome,
  sequence: number,
  at: number,
  written: Written | undefined
): void => {
  const { error, kind, status } = outcome
  if (status === "succeeded") {
    entry.state = outcome.state
    entry.failing = false
  } else {
    if (error !== undefined) activity.rare.error = error
    if (status !== "failed") entry.count[status === "expired" || status === "superseded" ? status : "cancelled"]++
  }
  if (kind !== undefined) {
    entry.count[kind]++
    entry.host.metrics?.ended(kind)
  }
  activity.status = status
  activity.exit = outcome.exit
  activity.since = at
  if (outcome.dead) bury(entry, activity, outcome, written)
  record(entry, activity, sequence)
  if (status === "succeeded" && attempt?.outbox !== undefined) {
    attempt.outbox.forEach((outgoing, index) => deliver(entry, outgoing, written?.outbox[index] ?? 0))
  }
  if (kind === "defect" && entry.host.onDefect === "terminate") entry.kernel.terminate(entry)
}

/** The end of an activity takes its place in the log; who subscribes or waits is told after this step. */
export const record = (entry: Entry, activity: Activity, sequence: number): void => {
  entry.sequence = sequence
  entry.usedAt = activity.since
  activity.sequence = sequence
  entry.history.append(activity)
  entry.broadcast?.publish(toEvent(activity, entry.epoch), activity)
  activity.tellWaiters(entry.kernel.dispatcher)
  if (entry.watchers !== undefined) entry.changed()
  if (entry.onCommitted !== undefined) entry.onCommitted()
  entry.kernel.injectFault?.("committed", entry.id, activity.id)
}

/** Makes a dead letter of an activity, and an error of the runtime's status. */
const bury = (entry: Entry, activity: Activity, outcome: Outcome, written: Written | undefined): void => {
  const { attempts, endedAt: at, id, payload, priority, type } = activity
  const error = outcome.error!
  entry.failing = true
  entry.lastError = lastErrorOf(activity, outcome, at)
  entry.bury({
    of: activity,
    letter: { activityId: id, type, payload, priority, attempts, error, at },
    position: written?.buried[0] ?? 0
  })
}

const lastErrorOf = ({ id, type }: Activity, outcome: Outcome, at: number) => ({
  activityId: id,
  type,
  error: outcome.error!,
  at
})
