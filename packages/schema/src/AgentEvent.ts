/**
 * What the subscribers of an agent runtime receive.
 *
 * `Processed` and `Failed` are the log: each carries a `sequence`, gap-free within a runtime's epoch. `Emitted` is live
 * only. `Gap` says that a subscriber lost events, `End` that no more will come.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { ActivityId } from "./ActivityId.ts"
import type * as Agent from "./Agent.ts"
import type * as ActivityType from "./ActivityType.ts"
import { Priority } from "./Priority.ts"
import { ErrorJson } from "./Receipt.ts"
import { Timestamp } from "./Timestamp.ts"

interface Committed<Type extends string, Payload> {
  readonly sequence: number
  readonly epoch: number
  readonly activityId: ActivityId
  readonly type: Type
  readonly priority: Priority
  readonly payload: Payload
  readonly correlationId?: string
  readonly attempts: number
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * An activity succeeded and its new state is committed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Processed<Type extends string = string, Payload = unknown, Reply = unknown> extends Committed<
  Type,
  Payload
> {
  readonly _tag: "Processed"
  readonly reply?: Reply
}
/**
 * An activity ended without success: it failed, expired, was cancelled or superseded. The state is unchanged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed<Type extends string = string, Payload = unknown> extends Committed<Type, Payload> {
  readonly _tag: "Failed"
  readonly error: ErrorJson
}
/**
 * A workflow emitted a value while it ran. Live only: not logged, no sequence.
 *
 * @category models
 * @since 0.1.0
 */
export interface Emitted<Type extends string = string, Value = unknown> {
  readonly _tag: "Emitted"
  readonly activityId: ActivityId
  readonly type: Type
  readonly attempt: number
  /** Counts what this attempt emitted, from 0. */
  readonly index: number
  readonly value: Value
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}
/**
 * Events were lost to this subscriber: `missed` of them, with sequences `from` to `to`, both ends included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  readonly epoch: number
  readonly missed: number
  readonly from: number
  readonly to: number
}
/**
 * The runtime is gone: for good (`terminated`), or until its process is back (`shutdown`).
 *
 * @category models
 * @since 0.1.0
 */
export interface End {
  readonly _tag: "End"
  readonly reason: "terminated" | "shutdown"
}

type CommittedOf<T extends ActivityType.Any> = T extends ActivityType.Any
  ? Processed<T["name"], ActivityType.Payload<T>, ActivityType.Success<T>> | Failed<T["name"], ActivityType.Payload<T>>
  : never

/**
 * What the subscribers of an agent receive.
 *
 * @category models
 * @since 0.1.0
 */
export type AgentEvent<A extends Agent.Any = Agent.Any> =
  | CommittedOf<Agent.Activities<A>>
  | Emitted<Agent.Activities<A>["name"], Agent.Emitted<A>>
  | Gap
  | End

const committed = (type: ActivityType.Any) => ({
  sequence: Schema.Int,
  epoch: Schema.Int,
  activityId: ActivityId,
  type: Schema.Literal(type.name),
  priority: Priority,
  payload: type.payload,
  correlationId: Schema.optionalKey(Schema.String),
  attempts: Schema.Int,
  at: Timestamp
})

const codecs = new WeakMap<Agent.Any, unknown>()

/**
 * The codec between the events of an agent and JSON.
 *
 * @category codecs
 * @since 0.1.0
 */
export const codec = <A extends Agent.Any>(agent: A): Schema.Codec<AgentEvent<A>, Schema.Json> => {
  let cached = codecs.get(agent)
  if (cached === undefined) {
    cached = Schema.toCodecJson(
      Schema.Union([
        ...agent.activities.map((type) =>
          Schema.TaggedStruct("Processed", { ...committed(type), reply: Schema.optionalKey(type.success) })
        ),
        ...agent.activities.map((type) => Schema.TaggedStruct("Failed", { ...committed(type), error: ErrorJson })),
        Schema.TaggedStruct("Emitted", {
          activityId: ActivityId,
          type: Schema.Literals(agent.activities.map((type) => type.name)),
          attempt: Schema.Int,
          index: Schema.Int,
          value: agent.emits,
          at: Timestamp
        }),
        Schema.TaggedStruct("Gap", { epoch: Schema.Int, missed: Schema.Int, from: Schema.Int, to: Schema.Int }),
        Schema.TaggedStruct("End", { reason: Schema.Literals(["terminated", "shutdown"]) })
      ])
    )
    codecs.set(agent, cached)
  }
  // Built from the schemas that `AgentEvent<A>` is computed from; TypeScript cannot follow the spread.
  return cached as Schema.Codec<AgentEvent<A>, Schema.Json>
}
