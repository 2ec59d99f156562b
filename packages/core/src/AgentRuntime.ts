/**
 * The handle to one agent runtime: send to it, ask it, watch it, end it.
 *
 * A handle belongs to one life of a runtime (its id and epoch). After that life has ended its operations fail with
 * `AgentRuntimeTerminated`, also when the id has been created anew.
 *
 * @since 0.1.0
 */
import type {
  ActivityId,
  ActivityType,
  Agent,
  AgentError,
  AgentEvent,
  AgentRuntimeId,
  AgentRuntimeState,
  Priority,
  Receipt
} from "@agent-runtime/schema"
import type { Duration, Effect, Scope, Stream } from "effect"
import type { SubscriptionOptions } from "./Subscription.ts"

/**
 * A request as it arrives from outside: the name of an activity type and its payload in JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireRequest {
  readonly type: string
  readonly payload?: unknown
}

/**
 * The requests a runtime takes: those of its agent, or any where the agent is not known statically.
 *
 * @category models
 * @since 0.1.0
 */
export type Request<A extends Agent.Any> =
  | Agent.Request<A>
  | (string extends Agent.Activities<A>["name"] ? WireRequest : never)

/**
 * What a request is answered with.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Success<R> = R extends ActivityType.ActivityRequest<infer T> ? ActivityType.Success<T> : unknown

/**
 * The failures a request's activity type declares.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Error<R> = R extends ActivityType.ActivityRequest<infer T> ? ActivityType.Error<T> : unknown

/**
 * What may be said of an activity when it is sent.
 *
 * `id` is its idempotency key (made up if absent). `deliverAt` holds it back until then and past `expiresAt` it is not
 * started (both milliseconds since the Unix epoch).
 *
 * @category options
 * @since 0.1.0
 */
export interface SendOptions {
  readonly id?: string | undefined
  readonly priority?: Priority.Priority | undefined
  readonly deliverAt?: number | undefined
  readonly expiresAt?: number | undefined
  readonly correlationId?: string | undefined
  readonly source?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface AskOptions extends SendOptions {
  /** Whether interrupting the ask cancels the activity. Default `false`. */
  readonly cancelOnInterrupt?: boolean | undefined
}

/**
 * `drain` (default) processes what is queued, for `grace` at most (default: the configured grace); `immediate`
 * interrupts what runs and fails what is queued. With a store both wait, each within its grace, for what the workflow has sent
 * to arrive; what has not arrived by then becomes a dead letter.
 *
 * @category options
 * @since 0.1.0
 */
export interface TerminateOptions {
  readonly mode?: "drain" | "immediate" | undefined
  readonly grace?: Duration.Input | undefined
}

/**
 * An activity that ended in used-up retries, a timeout, an undeclared failure or a defect.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter {
  readonly activityId: ActivityId.ActivityId
  readonly type: string
  readonly payload: unknown
  readonly priority: Priority.Priority
  readonly attempts: number
  readonly error: Receipt.ErrorJson
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * The handle to one agent runtime.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentRuntime<A extends Agent.Any = Agent.Any> {
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
  readonly agent: A

  /** Sends an activity; answers its receipt once it is accepted. */
  send(request: Request<A>, options?: SendOptions): Effect.Effect<Receipt.Receipt, AgentError.SendError>

  /** Sends an activity and waits for its outcome. Interrupting the wait leaves the activity alone unless asked to. */
  ask<R extends Request<A>>(request: R, options?: AskOptions): Effect.Effect<Success<R>, Error<R> | AgentError.AskError>

  /** The events of this runtime, registered when the stream starts. */
  subscribe(
    options?: SubscriptionOptions<A>
  ): Stream.Stream<AgentEvent.AgentEvent<A>, AgentError.SubscribeError | AgentError.SubscriberLagged>

  /** Registers at once and answers the stream: whatever is sent afterwards is seen. Released with the scope. */
  subscription(
    options?: SubscriptionOptions<A>
  ): Effect.Effect<
    Stream.Stream<AgentEvent.AgentEvent<A>, AgentError.SubscriberLagged | AgentError.StoreUnavailable>,
    AgentError.SubscribeError,
    Scope.Scope
  >

  /** What the runtime says of itself now. */
  readonly info: Effect.Effect<
    AgentRuntimeState.RuntimeInfo<Agent.State<A>>,
    AgentError.AgentRuntimeNotFound | AgentError.StoreUnavailable
  >

  /** The runtime's info whenever it changes, latest value only. Ends with the runtime. */
  readonly changes: Stream.Stream<
    AgentRuntimeState.RuntimeInfo<Agent.State<A>>,
    AgentError.AgentRuntimeNotFound | AgentError.StoreUnavailable
  >

  /** The receipt of an activity as it now stands. */
  receipt(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable>

  /** Waits until the activity has ended, then answers its receipt. */
  awaitReceipt(
    activityId: string
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable>

  /**
   * Removes a waiting activity or interrupts a running one, and answers what became of it. One that cannot be
   * interrupted is not waited for longer than the grace.
   */
  cancel(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable>

  /** Finishes the running activity and holds the rest. */
  readonly pause: Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable>
  /** Goes on after `pause`. */
  readonly resume: Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable>

  /** Ends the runtime. Idempotent. With a store it answers once that is written, or fails `StoreUnavailable`. */
  terminate(options?: TerminateOptions): Effect.Effect<void, AgentError.StoreUnavailable>

  /** The dead letters, oldest first. */
  readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>, AgentError.StoreUnavailable>
  /** Sends a dead letter again under its id, its attempts starting anew. */
  replay(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError>
  /** Forgets a dead letter. Those of a runtime that has ended stay until it is purged. */
  discard(
    activityId: string
  ): Effect.Effect<void, AgentError.ActivityNotFound | AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable>
}
