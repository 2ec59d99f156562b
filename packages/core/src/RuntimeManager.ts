/**
 * The runtime manager: creates agent runtimes, finds them, ends them. Everything above `core` speaks to this one
 * service; where the runtimes live is a matter of the layer.
 *
 * @since 0.1.0
 */
import {
  type Agent,
  type AgentError,
  type AgentEvent,
  type AgentRuntimeState,
  type Receipt
} from "@agent-runtime/schema"
import { Context, Effect, Layer, Stream } from "effect"
import type { AgentRuntime, AskOptions, SendOptions, TerminateOptions, WireRequest } from "./AgentRuntime.ts"
import { Durable } from "./internal/durable.ts"
import { LocalManager } from "./internal/localManager.ts"
import { LocalRuntimes } from "./LocalRuntimes.ts"
import { RuntimeStore } from "./RuntimeStore.ts"
import type { SubscriptionOptions } from "./Subscription.ts"
import { Workflows } from "./Workflow.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface CreateOptions<State = unknown> {
  /** Made up if absent. */
  readonly id?: string | undefined
  /** The first state. Default: the agent's `initialState`. */
  readonly state?: State | undefined
}

/**
 * @category options
 * @since 0.1.0
 */
export interface ForkOptions {
  /** The id of the new runtime. Made up if absent. */
  readonly id?: string | undefined
  /** The sequence whose state it begins with. Default: the last. Others must have been kept: see `statePolicy`. */
  readonly at?: number | undefined
}

/**
 * Which runtimes to list. `cursor` is the `nextCursor` of the page before, `limit` at most 1000 (default 100).
 *
 * @category options
 * @since 0.1.0
 */
export interface ListOptions {
  readonly agent?: string | undefined
  readonly status?: AgentRuntimeState.Status | undefined
  /** Only runtimes whose id begins so. */
  readonly prefix?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

/**
 * One page of runtimes, by id in ascending order of their UTF-16 code units.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly items: ReadonlyArray<AgentRuntimeState.RuntimeInfo>
  readonly nextCursor?: string | undefined
}

/**
 * @category errors
 * @since 0.1.0
 */
export type CreateError =
  | AgentError.AgentNotFound
  | AgentError.AgentRuntimeAlreadyExists
  | AgentError.RequestInvalid
  | AgentError.RuntimeIdInvalid
  | AgentError.StoreUnavailable
  | AgentError.TooManyRuntimes

/**
 * @category errors
 * @since 0.1.0
 */
export type FindError = AgentError.AgentRuntimeNotFound | AgentError.StateUnreadable | AgentError.StoreUnavailable

/**
 * The runtime manager.
 *
 * @category services
 * @since 0.1.0
 */
export class RuntimeManager extends Context.Service<
  RuntimeManager,
  {
    /** Creates a runtime. Of concurrent creates of one id exactly one wins. */
    readonly create: <A extends Agent.Any>(
      agent: A,
      options?: CreateOptions<Agent.State<A>>
    ) => Effect.Effect<AgentRuntime<A>, CreateError>

    /** The runtime with this id, created if there is none. Fails `AgentRuntimeAlreadyExists` if it is of another agent. */
    readonly getOrCreate: <A extends Agent.Any>(
      agent: A,
      options: CreateOptions<Agent.State<A>> & { readonly id: string }
    ) => Effect.Effect<AgentRuntime<A>, CreateError | AgentError.StateUnreadable>

    /** The runtime with this id; with an agent, its handle is typed and a runtime of another agent is not found. */
    readonly get: {
      (id: string): Effect.Effect<AgentRuntime, FindError>
      <A extends Agent.Any>(agent: A, id: string): Effect.Effect<AgentRuntime<A>, FindError>
    }

    /** Lists runtimes, a page at a time. One whose state cannot be read is in `error`, its `state` the JSON that is stored. */
    readonly list: (
      options?: ListOptions
    ) => Effect.Effect<Page, AgentError.RequestInvalid | AgentError.StoreUnavailable>

    /**
     * Ends a runtime; see `AgentRuntime.terminate`. With `mode: "immediate"` also one whose state cannot be read: what it holds is
     * given up, and kept until it is purged.
     */
    readonly terminate: (id: string, options?: TerminateOptions) => Effect.Effect<void, FindError>

    /** With a store: removes every row of a terminated runtime. */
    readonly purge: (id: string) => Effect.Effect<void, FindError>

    /** Creates a runtime of the same agent from a state of this one. */
    readonly fork: (
      id: string,
      options: ForkOptions
    ) => Effect.Effect<AgentRuntime, CreateError | FindError | AgentError.CursorInvalid>

    /** The agents that this manager can run. */
    readonly agents: Effect.Effect<ReadonlyArray<Agent.Any>>

    /** `AgentRuntime.send` by id. */
    readonly send: (
      id: string,
      request: WireRequest,
      options?: SendOptions
    ) => Effect.Effect<Receipt.Receipt, FindError | AgentError.SendError>

    /** `AgentRuntime.ask` by id; the answer is not typed. */
    readonly ask: (id: string, request: WireRequest, options?: AskOptions) => Effect.Effect<unknown, unknown>

    /** `AgentRuntime.subscribe` by id. */
    readonly subscribe: (
      id: string,
      options?: SubscriptionOptions
    ) => Stream.Stream<AgentEvent.AgentEvent, FindError | AgentError.SubscribeError | AgentError.SubscriberLagged>
  }
>()("@agent-runtime/core/RuntimeManager") {}

/**
 * The operations that a placement gives itself; `make` adds those that follow from them.
 *
 * @category models
 * @since 0.1.0
 */
export type Placement = Omit<RuntimeManager["Service"], "send" | "ask" | "subscribe">

/**
 * Completes a placement to the service.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (placement: Placement): RuntimeManager["Service"] =>
  RuntimeManager.of({
    ...placement,
    send: (id, request, options) => Effect.flatMap(placement.get(id), (runtime) => runtime.send(request, options)),
    ask: (id, request, options) => Effect.flatMap(placement.get(id), (runtime) => runtime.ask(request, options)),
    subscribe: (id, options) => Stream.unwrap(Effect.map(placement.get(id), (runtime) => runtime.subscribe(options)))
  })

/**
 * Runtimes of this process, in memory. When the layer's scope closes they drain within the configured grace.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RuntimeManager | LocalRuntimes | Workflows> = Layer.effectContext(
  Effect.suspend(() => services(undefined))
)

/**
 * Runtimes of this process on a store: what is acknowledged is committed and survives a crash. When the layer's scope
 * closes, what runs is finished within the grace and the queue stays for the next start.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDurable: Layer.Layer<RuntimeManager | LocalRuntimes | Workflows, never, RuntimeStore> =
  /* @__PURE__ */ Layer.effectContext(
    /* @__PURE__ */ Effect.flatMap(RuntimeStore, (store) => services((kernel) => new Durable(kernel, store)))
  )

const services = (connect: Parameters<typeof LocalManager.make>[0]) =>
  Effect.map(LocalManager.make(connect), (local) =>
    Context.make(RuntimeManager, make(local)).pipe(
      Context.add(LocalRuntimes, LocalRuntimes.of({ create: (options) => local.createLocal(options) })),
      Context.add(Workflows, Workflows.of({ register: local.register }))
    )
  )
