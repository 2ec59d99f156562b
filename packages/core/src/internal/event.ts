import type { AgentEvent } from "@agent-runtime/schema"
import type { Activity } from "./activity.ts"

export type Logged = AgentEvent.Processed | AgentEvent.Failed

/** The event of an ended activity. */
export const toEvent = (activity: Activity, epoch: number): Logged => {
  const event: {
    -readonly [K in keyof AgentEvent.Processed]: AgentEvent.Processed[K]
  } = {
    _tag: "Processed",
    sequence: activity.sequence,
    epoch,
    activityId: activity.id,
    type: activity.type,
    priority: activity.priority,
    payload: activity.payload,
    attempts: activity.attempts,
    at: activity.endedAt
  }
  if (activity.options?.correlationId !== undefined) event.correlationId = activity.options.correlationId
  if (activity.exit?._tag === "Success") {
    if (activity.exit.value !== undefined) event.reply = activity.exit.value
    return event
  }
  return { ...event, _tag: "Failed", error: activity.error! }
}
