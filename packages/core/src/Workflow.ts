/**
 * Workflows: what an agent does with its activities. A workflow is `(activity, state) => Effect<state, E, R>`, given as
 * one handler per activity type. The new state is committed only when the handler succeeds.
 *
 * @since 0.1.0
 */
import type { ActivityId, ActivityType, Agent, AgentError, AgentRuntimeId, Priority } from "@agent-runtime/schema"
import type { Duration } from "effect"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { Request, SendOptions, WireRequest } from "./AgentRuntime.ts"

/**
 * An activity as a handler sees it. `attempts` counts from 1, `acceptedAt` is in milliseconds since the Unix epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Activity<out T extends ActivityType.Any = ActivityType.Any> {
  readonly id: ActivityId.ActivityId
  readonly type: T["name"]
  readonly payload: ActivityType.Payload<T>
  readonly priority: Priority.Priority
  readonly attempts: number
  readonly acceptedAt: number
  readonly correlationId: string | undefined
  readonly source: string | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
}

/**
 * What a handler can do beside computing the next state.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowContext<A extends Agent.Any = Agent.Any> {
  readonly runtimeId: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
  readonly activityId: ActivityId.ActivityId
  /** The attempt, from 1. */
  readonly attempt: number

  /** Broadcasts progress or output at once. A value that does not fit the agent's `emits` dies. */
  emit(value: Agent.Emitted<A>): Effect.Effect<void>

  /** `emit` without `Effect`, for hot loops: throws where that dies. To be called on the context itself. */
  emitUnsafe(value: Agent.Emitted<A>): void

  /**
   * Sends an activity to another runtime once this one has committed, and never if it does not. One that cannot be
   * delivered then becomes a dead letter of this runtime. To one runtime they arrive in the order in which they were sent. With the
   * type of its agent, `send<typeof Notes>(…)`, the request is checked to be one of its activities.
   */
  send<B extends Agent.Any = never>(
    runtimeId: string,
    request: [B] extends [never] ? WireRequest : Request<B>,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid>

  /** Sends an activity to this runtime, to be processed after `delay`, once this activity has committed. */
  schedule(
    request: Request<A>,
    delay: Duration.Input,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid>

  /** Whether something more urgent than this activity is waiting. */
  readonly checkpoint: Effect.Effect<boolean>
}

/**
 * A new state together with the reply for who asked. Made with `reply`.
 *
 * @category models
 * @since 0.1.0
 */
export class Reply<out S, out A> {
  readonly state: S
  readonly value: A
  constructor(state: S, value: A) {
    this.state = state
    this.value = value
  }
}

/**
 * Ends a handler with a new state and a reply.
 *
 * @example
 * ```ts
 * import { Workflow } from "@agent-runtime/core"
 *
 * const handler = (_: unknown, state: { readonly count: number }) => Workflow.reply(state, state.count)
 * console.log(typeof handler) // "function"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const reply = <S, A>(state: S, value: A): Effect.Effect<Reply<S, A>> => Exit.succeed(new Reply(state, value))

/**
 * What a handler succeeds with: the new state, and where the activity type declares a `success` the reply with it.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Result<State, Success> = [Success] extends [void] ? State : Reply<State, Success>

/**
 * @category models
 * @since 0.1.0
 */
export type Handler<A extends Agent.Any, T extends ActivityType.Any, R = unknown> = (
  activity: Activity<T>,
  state: Agent.State<A>,
  context: WorkflowContext<A>
) => Effect.Effect<Result<Agent.State<A>, ActivityType.Success<T>>, ActivityType.Error<T>, R>

/**
 * One handler per activity type of an agent, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Handlers<A extends Agent.Any, R = never> = {
  readonly [Name in Agent.Activities<A>["name"]]: Handler<A, Agent.ActivityNamed<A, Name>, R>
}

/**
 * The services that handlers require.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Services<H> = {
  [K in keyof H]: H[K] extends (...args: never) => Effect.Effect<unknown, unknown, infer R> ? R : never
}[keyof H]

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** How long one attempt may run where its type does not say. */
  readonly timeout?: Duration.Input | undefined
  /** What a defect does beside ending its activity: nothing (`continue`, default), or end the runtime. */
  readonly onDefect?: "continue" | "terminate" | undefined
}

/**
 * A workflow of which nothing is known statically.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyHandler = (
  activity: Activity,
  state: unknown,
  context: WorkflowContext
) => Effect.Effect<unknown, unknown, unknown>

/**
 * Where workflows are registered: the placements that run workflows provide it.
 *
 * @category services
 * @since 0.1.0
 */
export class Workflows extends Context.Service<
  Workflows,
  {
    /**
     * Registers the workflow of an agent until the scope closes; then its runtimes drain. Dies if the agent has one.
     */
    readonly register: (
      agent: Agent.Any,
      handlers: Readonly<Record<string, AnyHandler>>,
      context: Context.Context<never>,
      options: Options
    ) => Effect.Effect<void, AgentError.StoreUnavailable, Scope.Scope>
  }
>()("@agent-runtime/core/Workflows") {}

/**
 * Registers the workflow of an agent. What the handlers require becomes a requirement of the layer.
 *
 * @example
 * ```ts
 * import { RuntimeManager, Workflow } from "@agent-runtime/core"
 * import { ActivityType, Agent } from "@agent-runtime/schema"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Add = ActivityType.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })
 * const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add] })
 * const SumLayer = Workflow.layer(Sum, {
 *   Add: ({ payload }, total) => Workflow.reply(total + payload.n, total + payload.n)
 * })
 *
 * const program = Effect.gen(function* () {
 *   const manager = yield* RuntimeManager.RuntimeManager
 *   const sum = yield* manager.create(Sum, { id: "sum" })
 *   console.log(yield* sum.ask(Add.make({ n: 2 }))) // 2
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(SumLayer.pipe(Layer.provideMerge(RuntimeManager.layer)))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <A extends Agent.Any, H extends Handlers<A, unknown>>(
  agent: A,
  handlers: H & {
    readonly [K in Exclude<keyof H, Agent.Activities<A>["name"]>]: `${K & string} is no activity of this agent`
  },
  options?: Options
): Layer.Layer<never, AgentError.StoreUnavailable, Workflows | Exclude<Services<H>, Scope.Scope>> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const context = yield* Effect.context<Services<H>>()
      yield* workflows.register(
        agent,
        // The mapped type has said who fits which activity; from here on handlers are found by name.
        handlers as unknown as Readonly<Record<string, AnyHandler>>,
        context as unknown as Context.Context<never>,
        options ?? {}
      )
    })
  ) as Layer.Layer<never, AgentError.StoreUnavailable, Workflows | Exclude<Services<H>, Scope.Scope>>
