/**
 * The fate of one activity.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { ActivityId } from "./ActivityId.ts"
import { AgentRuntimeId } from "./AgentRuntimeId.ts"
import { Priority } from "./Priority.ts"
import { Timestamp } from "./Timestamp.ts"

/**
 * `accepted` and `running` are pending, the rest are final.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Literals([
  "accepted",
  "running",
  "succeeded",
  "failed",
  "expired",
  "cancelled",
  "superseded"
])
/**
 * @category models
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * An error in JSON: its tag, its message, and the fields its type declares.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorJson = Schema.StructWithRest(Schema.Struct({ _tag: Schema.String, message: Schema.String }), [
  Schema.Record(Schema.String, Schema.Json)
])
/**
 * @category models
 * @since 0.1.0
 */
export type ErrorJson = typeof ErrorJson.Type

/**
 * The fate of one activity as it stands. `attempts` counts the attempts started, `sequence` is the place of its end in
 * the log, `reply` and `error` are in JSON. A reply of which its schema makes no JSON is left out.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Receipt = Schema.Struct({
  activityId: ActivityId,
  runtimeId: AgentRuntimeId,
  epoch: Schema.Int,
  type: Schema.String,
  priority: Priority,
  status: Status,
  attempts: Schema.Int,
  acceptedAt: Timestamp,
  sequence: Schema.optionalKey(Schema.Int),
  reply: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(ErrorJson)
})
/**
 * @category models
 * @since 0.1.0
 */
export type Receipt = typeof Receipt.Type

/**
 * Whether the activity has yet to end.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPending = (receipt: Receipt): boolean => receipt.status === "accepted" || receipt.status === "running"
