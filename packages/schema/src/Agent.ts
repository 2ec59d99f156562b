/**
 * The typed definition of an agent: the schema of its state, the activities it understands and what it emits. Data only;
 * the workflow that processes the activities is given with `Workflow.layer` of `@agent-runtime/core`.
 *
 * @since 0.1.0
 */
import type { JsonSchema } from "effect"
import { Schema } from "effect"
import type * as ActivityType from "./ActivityType.ts"

/**
 * @category type ids
 * @since 0.1.0
 */
export const TypeId: TypeId = "~@agent-runtime/schema/Agent"
/**
 * @category type ids
 * @since 0.1.0
 */
export type TypeId = "~@agent-runtime/schema/Agent"

/**
 * @category models
 * @since 0.1.0
 */
export interface Agent<
  out Name extends string,
  out State extends ActivityType.PureCodec,
  out Activities extends ActivityType.Any,
  out Emits extends ActivityType.PureCodec
> {
  readonly [TypeId]: TypeId
  readonly name: Name
  readonly state: State
  readonly initialState: State["Type"]
  readonly activities: ReadonlyArray<Activities>
  readonly emits: Emits
  /** The version of the state's schema, 1 unless given. */
  readonly version: number
  /** `migrations[v]` turns an encoded state of version `v` into one of version `v + 1`. */
  readonly migrations: Readonly<Record<number, (encoded: unknown) => unknown>>
}

/**
 * An agent of which nothing is known statically.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any extends Agent<string, ActivityType.PureCodec, ActivityType.Any, ActivityType.PureCodec> {}

/**
 * The decoded state of an agent.
 *
 * @category utility types
 * @since 0.1.0
 */
export type State<A extends Any> = A["state"]["Type"]
/**
 * The union of the activity types of an agent.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Activities<A extends Any> = A["activities"][number]
/**
 * The activity type of an agent with a given name.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ActivityNamed<A extends Any, Name extends string> = Extract<Activities<A>, { readonly name: Name }>
/**
 * What the workflows of an agent may emit.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Emitted<A extends Any> = A["emits"]["Type"]
/**
 * The requests an agent understands.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Request<A extends Any> =
  Activities<A> extends infer T ? (T extends ActivityType.Any ? ActivityType.ActivityRequest<T> : never) : never

/**
 * Defines an agent. Its `name` is what a store knows it by: text without NUL.
 *
 * @example
 * ```ts
 * import { ActivityType, Agent } from "@agent-runtime/schema"
 * import { Schema } from "effect"
 *
 * const Increment = ActivityType.make("Increment")
 * const Counter = Agent.make("Counter", {
 *   state: Schema.Struct({ count: Schema.Int }),
 *   initialState: { count: 0 },
 *   activities: [Increment]
 * })
 * console.log(Counter.name) // "Counter"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  State extends ActivityType.PureCodec,
  const Activities extends ReadonlyArray<ActivityType.Any>,
  Emits extends ActivityType.PureCodec = typeof Schema.Json
>(
  name: Name,
  options: {
    readonly state: State
    readonly initialState: State["Type"]
    readonly activities: Activities
    readonly emits?: Emits
    readonly version?: number
    readonly migrations?: Readonly<Record<number, (encoded: unknown) => unknown>>
  }
): Agent<Name, State, Activities[number], Emits> => {
  if (/[\0\p{Surrogate}]/u.test(name)) {
    throw new Error(`Agent.make(${JSON.stringify(name)}): a name has no NUL and no half of a surrogate pair`)
  }
  const names = new Set<string>()
  for (const activity of options.activities) {
    if (names.has(activity.name)) throw new Error(`Agent.make("${name}"): activity "${activity.name}" is given twice`)
    names.add(activity.name)
  }
  return {
    [TypeId]: TypeId,
    name,
    state: options.state,
    initialState: options.initialState,
    activities: options.activities,
    // The default holds because `Emits` defaults to the type of `Schema.Json`.
    emits: options.emits ?? (Schema.Json as unknown as Emits),
    version: options.version ?? 1,
    migrations: options.migrations ?? {}
  }
}

/**
 * JSON Schema (draft 2020-12) of everything an agent speaks.
 *
 * @category JSON Schema
 * @since 0.1.0
 */
export interface AgentJsonSchema {
  readonly name: string
  readonly version: number
  readonly state: JsonSchema.Document<"draft-2020-12">
  readonly emits: JsonSchema.Document<"draft-2020-12">
  readonly activities: ReadonlyArray<{
    readonly type: string
    readonly priority: string
    readonly payload: JsonSchema.Document<"draft-2020-12">
    readonly success: JsonSchema.Document<"draft-2020-12">
    readonly error: JsonSchema.Document<"draft-2020-12">
  }>
}

/**
 * Describes an agent in JSON Schema: its state, and the payload, reply and errors of each activity.
 *
 * @category JSON Schema
 * @since 0.1.0
 */
export const toJsonSchema = (agent: Any): AgentJsonSchema => ({
  name: agent.name,
  version: agent.version,
  state: Schema.toJsonSchemaDocument(agent.state),
  emits: Schema.toJsonSchemaDocument(agent.emits),
  activities: agent.activities.map((activity) => ({
    type: activity.name,
    priority: activity.priority ?? "standard",
    payload: Schema.toJsonSchemaDocument(activity.payload),
    success: Schema.toJsonSchemaDocument(activity.success),
    error: Schema.toJsonSchemaDocument(activity.error)
  }))
})
