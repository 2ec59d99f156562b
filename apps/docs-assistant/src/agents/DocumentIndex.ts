/**
 * The agent that keeps the index of one folder up to date. Pure data, so that a dashboard can import it.
 */
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Schema } from "effect"
import { Finished, IndexEvent } from "../library/IndexEvent.ts"
import { FolderError, FolderNotAllowed } from "../library/LibraryError.ts"
import { Cancel } from "./Cancel.ts"

/**
 * Reads what is new or has changed in the folder. Answers how many documents and passages it has.
 *
 * @category activities
 * @since 0.1.0
 */
export const Index = ActivityType.make("Index", {
  success: Finished,
  error: Schema.Union([FolderError, FolderNotAllowed]),
  priority: "background",
  // One look at the folder sees all changes until then: a second one that waits would find nothing.
  overlap: "coalesce",
  timeout: "10 minutes"
})

/**
 * The index of a folder: one runtime for each folder that the assistant was started with. Emits progress and skipped files.
 *
 * @category agents
 * @since 0.1.0
 */
export const DocumentIndex = Agent.make("DocumentIndex", {
  state: Schema.Struct({ folder: Schema.String, indexed: Schema.optionalKey(Finished) }),
  initialState: { folder: "" },
  activities: [Index, Cancel],
  emits: IndexEvent
})
