/**
 * The envelope in which an activity travels: what was asked, of whom it came, and when it may run.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { ActivityId } from "./ActivityId.ts"
import { AgentRuntimeId } from "./AgentRuntimeId.ts"
import { Priority } from "./Priority.ts"
import { Timestamp } from "./Timestamp.ts"

/**
 * The trace an activity belongs to, so that the span of its processing continues the sender's.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TraceContext = Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })
/**
 * @category models
 * @since 0.1.0
 */
export type TraceContext = typeof TraceContext.Type

/**
 * What may be said of an activity when it is sent. `deliverAt` holds it back, past `expiresAt` it is not started.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SendOptions = Schema.Struct({
  id: Schema.optionalKey(ActivityId),
  priority: Schema.optionalKey(Priority),
  deliverAt: Schema.optionalKey(Timestamp),
  expiresAt: Schema.optionalKey(Timestamp),
  correlationId: Schema.optionalKey(Schema.String),
  source: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})

/**
 * An accepted activity with its payload in JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentActivity = Schema.Struct({
  id: ActivityId,
  type: Schema.String,
  payload: Schema.Json,
  priority: Priority,
  acceptedAt: Timestamp,
  deliverAt: Schema.optionalKey(Timestamp),
  expiresAt: Schema.optionalKey(Timestamp),
  correlationId: Schema.optionalKey(Schema.String),
  source: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** The runtimes that wait for this activity to end, outermost first. */
  chain: Schema.optionalKey(Schema.Array(AgentRuntimeId)),
  trace: Schema.optionalKey(TraceContext)
})
/**
 * @category models
 * @since 0.1.0
 */
export type AgentActivity = typeof AgentActivity.Type
