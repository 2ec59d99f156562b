/**
 * What an agent runtime says of itself: status, state, metrics, last error, sequence and epoch.
 *
 * @since 0.1.0
 */
import { Schema, SchemaGetter } from "effect"
import type * as Agent from "./Agent.ts"
import { ActivityId } from "./ActivityId.ts"
import { AgentRuntimeId } from "./AgentRuntimeId.ts"
import { Priority } from "./Priority.ts"
import { ErrorJson } from "./Receipt.ts"
import { Timestamp } from "./Timestamp.ts"

/**
 * The statuses, highest first: the first that holds is shown.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Literals(["terminated", "draining", "paused", "processing", "error", "idle"])
/**
 * @category models
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * Counters of one runtime since it was created or recovered. `failed` counts attempts' ends by kind; times are means in
 * milliseconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Metrics = Schema.Struct({
  processed: Schema.Int,
  failed: Schema.Struct({
    declared: Schema.Int,
    undeclared: Schema.Int,
    defect: Schema.Int,
    timeout: Schema.Int,
    interrupted: Schema.Int
  }),
  expired: Schema.Int,
  cancelled: Schema.Int,
  superseded: Schema.Int,
  retried: Schema.Int,
  inFlight: Schema.Int,
  delayed: Schema.Int,
  deadLetters: Schema.Int,
  restarts: Schema.Int,
  meanQueueWaitMillis: Schema.Finite,
  meanProcessingMillis: Schema.Finite
})
/**
 * @category models
 * @since 0.1.0
 */
export type Metrics = typeof Metrics.Type

/** JSON has no number for a lane that holds whatever memory holds. */
const Capacity = Schema.NullOr(Schema.Finite).pipe(
  Schema.decodeTo(Schema.Number.check(Schema.isGreaterThanOrEqualTo(1)), {
    decode: SchemaGetter.transform((capacity: number | null) => capacity ?? Number.POSITIVE_INFINITY),
    encode: SchemaGetter.transform((capacity: number) => (capacity === Number.POSITIVE_INFINITY ? null : capacity))
  })
)

/**
 * One lane of a runtime's mailbox: elements waiting, how many it may hold (in JSON `null` where nothing bounds it), and how
 * long the oldest has waited.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lane = Schema.Struct({
  size: Schema.Int,
  capacity: Capacity,
  oldestWaitMillis: Schema.optionalKey(Schema.Finite)
})
/**
 * @category models
 * @since 0.1.0
 */
export type Lane = typeof Lane.Type

/**
 * One subscriber: events delivered, filtered out, dropped, waiting in its queue, and since when it is connected.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Subscriber = Schema.Struct({
  id: Schema.Int,
  name: Schema.optionalKey(Schema.String),
  delivered: Schema.Int,
  filtered: Schema.Int,
  dropped: Schema.Int,
  lag: Schema.Int,
  connectedAt: Timestamp
})
/**
 * @category models
 * @since 0.1.0
 */
export type Subscriber = typeof Subscriber.Type

/**
 * The last activity that ended in a defect, a timeout or an undeclared failure.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LastError = Schema.Struct({
  activityId: ActivityId,
  type: Schema.String,
  error: ErrorJson,
  at: Timestamp
})
/**
 * @category models
 * @since 0.1.0
 */
export type LastError = typeof LastError.Type

const fields = {
  id: AgentRuntimeId,
  agent: Schema.String,
  epoch: Schema.Int,
  status: Status,
  sequence: Schema.Int,
  metrics: Metrics,
  mailbox: Schema.Struct({ lanes: Schema.Record(Priority, Lane) }),
  subscribers: Schema.Array(Subscriber),
  lastError: Schema.optionalKey(LastError)
}

const common = Schema.Struct(fields)

/**
 * A snapshot of one runtime with its typed state.
 *
 * @category models
 * @since 0.1.0
 */
export type RuntimeInfo<State = unknown> = typeof common.Type & { readonly state: State }

/**
 * A snapshot of one runtime whose agent is not known: its state is JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimeInfo = Schema.Struct({ ...fields, state: Schema.Json })

const codecs = new WeakMap<Agent.Any, unknown>()

/**
 * The codec between snapshots of an agent's runtimes and JSON.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec = <A extends Agent.Any>(agent: A): Schema.Codec<RuntimeInfo<Agent.State<A>>, Schema.Json> => {
  let cached = codecs.get(agent)
  if (cached === undefined) {
    cached = Schema.toCodecJson(Schema.Struct({ ...fields, state: agent.state }))
    codecs.set(agent, cached)
  }
  return cached as Schema.Codec<RuntimeInfo<Agent.State<A>>, Schema.Json>
}
