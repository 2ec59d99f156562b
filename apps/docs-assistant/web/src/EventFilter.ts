/**
 * Which of the events one wants to see.
 */
import { Priority } from "@agent-runtime/schema"
import type { Entry } from "./EventLog.ts"

export const outcomes = ["Processed", "Failed", "Emitted"] as const
export type Outcome = (typeof outcomes)[number]

export interface EventFilter {
  /** The name of an activity type, or the empty string for all. */
  readonly type: string
  readonly priority: Priority.Priority | ""
  readonly outcome: Outcome | ""
}

export const everything: EventFilter = { type: "", priority: "", outcome: "" }

/** What is emitted has no priority: it is seen where all are. That events were lost, or are over, is always seen. */
export const isWanted = (entry: Entry, { outcome, priority, type }: EventFilter): boolean => {
  switch (entry._tag) {
    case "Gap":
    case "End":
      return true
    case "Emissions":
      return (type === "" || entry.first.type === type) && priority === "" && (outcome === "" || outcome === "Emitted")
    default:
      return (
        (type === "" || entry.type === type) &&
        (priority === "" || entry.priority === priority) &&
        (outcome === "" || outcome === entry._tag)
      )
  }
}
