/**
 * Dead letters as they travel.
 *
 * @since 0.1.0
 */
import { ActivityId, Priority, Receipt, Timestamp } from "@agent-runtime/schema"
import { Schema } from "effect"

/**
 * An activity that ended in used-up retries, a timeout, an undeclared failure or a defect.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeadLetter = Schema.Struct({
  activityId: ActivityId.ActivityId,
  type: Schema.String,
  payload: Schema.Json,
  priority: Priority.Priority,
  attempts: Schema.Int,
  error: Receipt.ErrorJson,
  at: Timestamp.Timestamp
}).annotate({ identifier: "DeadLetter" })

/**
 * The dead letters of a runtime, oldest first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeadLetters = Schema.Struct({ items: Schema.Array(DeadLetter) }).annotate({ identifier: "DeadLetters" })
