/**
 * A kind of activity that an agent understands: its name, the schemas of its payload, reply and errors, and how it is
 * to be run. Pure data: a browser can import it.
 *
 * @since 0.1.0
 */
import type { Duration, Schedule } from "effect"
import { Schema } from "effect"
import type { Priority } from "./Priority.ts"

/**
 * @category type ids
 * @since 0.1.0
 */
export const TypeId: TypeId = "~@agent-runtime/schema/ActivityType"
/**
 * @category type ids
 * @since 0.1.0
 */
export type TypeId = "~@agent-runtime/schema/ActivityType"

/**
 * A schema that decodes and encodes without services.
 *
 * @category models
 * @since 0.1.0
 */
export type PureCodec = Schema.ConstraintCodec<unknown, unknown, never, never>

/**
 * What happens to an activity that arrives while another of its runtime is waiting or running.
 *
 * - `enqueue`: it waits in its lane (default).
 * - `reject`: it fails with `AgentRuntimeBusy` when an activity of its type waits or runs.
 * - `coalesce`: it replaces a waiting activity of its type, which ends `superseded`. One with `deliverAt` does so when it comes
 *   due, and until then is not replaced.
 * - `{ interrupt }`: the running activity is interrupted and this one runs next; the interrupted one is put back in its
 *   lane (`requeue`) or ends `superseded` (`supersede`).
 *
 * @category models
 * @since 0.1.0
 */
export type Overlap = "enqueue" | "reject" | "coalesce" | { readonly interrupt: "requeue" | "supersede" }

/**
 * An activity type of which nothing is known statically.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly [TypeId]: TypeId
  readonly name: string
  readonly payload: PureCodec
  readonly success: PureCodec
  readonly error: PureCodec
  readonly priority: Priority | undefined
  readonly timeout: Duration.Input | undefined
  readonly overlap: Overlap
  readonly retry: Schedule.Schedule<unknown, unknown> | undefined
}

/**
 * A kind of activity that an agent understands.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActivityType<
  Name extends string,
  Payload extends PureCodec,
  Success extends PureCodec,
  Error extends PureCodec
> extends Any {
  readonly name: Name
  readonly payload: Payload
  readonly success: Success
  readonly error: Error
  /**
   * Builds a request for this activity. It has no id and no time yet, and is validated when it is sent.
   */
  make(...args: MakeArgs<Payload>): ActivityRequest<ActivityType<Name, Payload, Success, Error>>
}

/**
 * The arguments of `make`: none for an activity without payload, optional where every field has a default.
 *
 * @category utility types
 * @since 0.1.0
 */
export type MakeArgs<Payload extends PureCodec> = unknown extends Payload["~type.make.in"]
  ? [payload?: unknown]
  : [Payload["~type.make.in"]] extends [void]
    ? []
    : {} extends Payload["~type.make.in"]
      ? [payload?: Payload["~type.make.in"]]
      : [payload: Payload["~type.make.in"]]

/**
 * An activity before it is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface ActivityRequest<out T extends Any> {
  readonly activityType: T
  readonly type: T["name"]
  readonly payload: unknown
}

/**
 * The decoded payload of an activity type.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Payload<T extends Any> = T["payload"]["Type"]
/**
 * What `ask` answers for an activity type.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Success<T extends Any> = T["success"]["Type"]
/**
 * The failures an activity type declares.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Error<T extends Any> = T["error"]["Type"]

class ActivityTypeImpl {
  readonly [TypeId]: TypeId = TypeId
  readonly name: string
  readonly payload: PureCodec
  readonly success: PureCodec
  readonly error: PureCodec
  readonly priority: Priority | undefined
  readonly timeout: Duration.Input | undefined
  readonly overlap: Overlap
  readonly retry: Schedule.Schedule<unknown, unknown> | undefined
  constructor(name: string, options: Options) {
    this.name = name
    this.payload =
      options.payload === undefined
        ? Schema.Void
        : Schema.isSchema(options.payload)
          ? (options.payload as PureCodec)
          : (Schema.Struct(options.payload as Schema.Struct.Fields) as unknown as PureCodec)
    this.success = options.success ?? Schema.Void
    this.error = options.error ?? Schema.Never
    this.priority = options.priority
    this.timeout = options.timeout
    this.overlap = options.overlap ?? "enqueue"
    this.retry = options.retry
  }
  make(payload?: unknown): ActivityRequest<Any> {
    return {
      activityType: this as unknown as Any,
      type: this.name,
      payload: payload === undefined && this.payload !== Schema.Void ? {} : payload
    }
  }
}

/**
 * The options of `make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly payload?: PureCodec | Fields | undefined
  readonly success?: PureCodec | undefined
  readonly error?: PureCodec | undefined
  readonly priority?: Priority | undefined
  readonly timeout?: Duration.Input | undefined
  readonly overlap?: Overlap | undefined
  readonly retry?: Schedule.Schedule<unknown, unknown> | undefined
}

/**
 * The fields of a payload, as `Schema.Struct` takes them.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = { readonly [key: string]: PureCodec }

type PayloadOf<P> = P extends PureCodec ? P : P extends Fields ? Schema.Struct<P> : typeof Schema.Void

/**
 * Defines a kind of activity.
 *
 * `payload` is a schema or the fields of one, `success` what `ask` answers, `error` the failures that are answers rather
 * than faults. `timeout` bounds one attempt, `retry` is the schedule on which a declared failure is tried again.
 *
 * Receipts, stores and HTTP keep in JSON what these schemas make of a value. `Schema.Unknown` makes JSON only of JSON: a `Map`
 * or a `bigint` is answered to who asks in the process, has no `reply` in its receipt, and cannot be asked for over HTTP. Name
 * the schema of what is answered instead.
 *
 * A check or a transformation that throws says as much as one that answers false: the value does not fit.
 *
 * @example
 * ```ts
 * import { ActivityType } from "@agent-runtime/schema"
 * import { Schema } from "effect"
 *
 * const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int } })
 * const request = Deposit.make({ amount: 10 })
 * console.log(request.type) // "Deposit"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  P extends PureCodec | Fields | undefined = undefined,
  Success extends PureCodec = typeof Schema.Void,
  Error extends PureCodec = typeof Schema.Never
>(
  name: Name,
  options?: {
    readonly payload?: P
    readonly success?: Success
    readonly error?: Error
    readonly priority?: Priority
    readonly timeout?: Duration.Input
    readonly overlap?: Overlap
    readonly retry?: Schedule.Schedule<unknown, unknown>
  }
): ActivityType<Name, PayloadOf<P>, Success, Error> =>
  new ActivityTypeImpl(name, options ?? {}) as unknown as ActivityType<Name, PayloadOf<P>, Success, Error>
