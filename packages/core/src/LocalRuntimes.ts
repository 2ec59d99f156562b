/**
 * Runtimes made from a closure, for in-process use: an id, a state and a workflow, no definition. A closure cannot
 * travel, so only the placements that run workflows in this process provide this service.
 *
 * @since 0.1.0
 */
import type { ActivityType, Agent, AgentError } from "@agent-runtime/schema"
import type { Duration, Effect, Schema } from "effect"
import { Context } from "effect"
import type { AgentRuntime, SendOptions, WireRequest } from "./AgentRuntime.ts"
import type { Activity, Reply, WorkflowContext } from "./Workflow.ts"

/**
 * The agent of a runtime made from a closure: any activity, any state.
 *
 * @category models
 * @since 0.1.0
 */
export type LocalAgent<S> = Agent.Agent<
  "local",
  Schema.ConstraintCodec<S, unknown, never, never>,
  ActivityType.Any,
  ActivityType.PureCodec
>

/**
 * The handle to a runtime made from a closure.
 *
 * @category models
 * @since 0.1.0
 */
export interface LocalRuntime<S> extends AgentRuntime<LocalAgent<S>> {
  /**
   * `send` without `Effect` and without a receipt, for hot loops: answers why the activity was not accepted, or
   * `undefined`. With `mailboxStrategy: "suspend"` a full lane answers `MailboxFull`.
   */
  sendUnsafe(request: WireRequest, options?: SendOptions): AgentError.SendError | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface Options<S, E> {
  /** Made up if absent. */
  readonly id?: string | undefined
  readonly state: S
  readonly workflow: (
    activity: Activity,
    state: S,
    context: WorkflowContext<LocalAgent<S>>
  ) => Effect.Effect<S | Reply<S, unknown>, E>
  /** How long one attempt may run. Default: the configured `activityTimeout`. */
  readonly timeout?: Duration.Input | undefined
  /** What a defect does beside ending its activity. Default `continue`. */
  readonly onDefect?: "continue" | "terminate" | undefined
}

/**
 * Makes runtimes from closures.
 *
 * @example
 * ```ts
 * import { LocalRuntimes, RuntimeManager } from "@agent-runtime/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const local = yield* LocalRuntimes.LocalRuntimes
 *   const counter = yield* local.create({ id: "counter", state: 0, workflow: (_, n) => Effect.succeed(n + 1) })
 *   yield* counter.ask({ type: "tick" })
 *   console.log((yield* counter.info).state) // 1
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(RuntimeManager.layer)))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class LocalRuntimes extends Context.Service<
  LocalRuntimes,
  {
    /** Creates a runtime; its events and info are found through `RuntimeManager` too, and it shares its ids. */
    readonly create: <S, E = never>(
      options: Options<S, E>
    ) => Effect.Effect<
      LocalRuntime<S>,
      | AgentError.AgentRuntimeAlreadyExists
      | AgentError.RuntimeIdInvalid
      | AgentError.StoreUnavailable
      | AgentError.TooManyRuntimes
    >
  }
>()("@agent-runtime/core/LocalRuntimes") {}
