/**
 * A `RuntimeManager` whose runtimes live on a server: the same service, over HTTP.
 *
 * Epochs, errors, events and states are as they are in process. What is only known between here and there is told as
 * `StoreUnavailable`: a server that cannot be reached, or that refuses the token.
 *
 * @since 0.1.0
 */
import { type AgentRuntime, RuntimeManager, type Subscription } from "@agent-runtime/core"
import { type Agent, AgentError, AgentRuntimeId, type AgentRuntimeState } from "@agent-runtime/schema"
import { Effect, Exit, Layer, Stream } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import type { Options as ClientOptions, RemoteRuntime } from "./AgentApiClient.ts"
import * as AgentApiClient from "./AgentApiClient.ts"
import * as ApiError from "./ApiError.ts"
import { Requester } from "./internal/client/requester.ts"
import { Described, unknownAgent } from "./internal/client/unknownAgent.ts"
import { decoder } from "./internal/client/wire.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends ClientOptions {
  /**
   * The definitions of the server's agents, so that `get` by id alone and `agents` are typed by their schemas. Agents
   * that are not among them are spoken to in JSON.
   */
  readonly agents?: ReadonlyArray<Agent.Any> | undefined
}

const { ApiUnavailable, Forbidden, PayloadTooLarge, TooManyRequests, Unauthorized } = ApiError
type Unavailable =
  | ApiError.ApiUnavailable
  | ApiError.Forbidden
  | ApiError.PayloadTooLarge
  | ApiError.TooManyRequests
  | ApiError.Unauthorized

const isTooLarge = (error: unknown): error is ApiError.PayloadTooLarge => error instanceof PayloadTooLarge

const isUnavailable = (error: unknown): error is Unavailable =>
  isTooLarge(error) ||
  error instanceof ApiUnavailable ||
  error instanceof Forbidden ||
  error instanceof TooManyRequests ||
  error instanceof Unauthorized

/** What lies between here and the server is, for who uses runtimes, a store that is away. */
const orUnavailable = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    effect,
    (error: E): error is E & Unavailable => isUnavailable(error),
    (error) => Exit.fail(new AgentError.StoreUnavailable({ message: error.message }))
  )

/** As `orUnavailable`, where what is too large for the server is the payload. */
const orTooLarge = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    effect,
    (error: E): error is E & ApiError.PayloadTooLarge => isTooLarge(error),
    ({ message }) => Exit.fail(AgentError.ActivityInvalid.of(["payload"], message))
  )

/** A handle does not say that a state is unreadable: to who holds it, it is a store that cannot be read. */
const orUnreadable = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    orUnavailable(effect),
    (error): error is Extract<typeof error, AgentError.StateUnreadable> => error instanceof AgentError.StateUnreadable,
    (error) => Exit.fail(new AgentError.StoreUnavailable({ message: error.message }))
  )

const isGone = (error: unknown): error is AgentError.AgentRuntimeNotFound =>
  error instanceof AgentError.AgentRuntimeNotFound

/** The handle to one life of a runtime on the server. Once that life is over, it is terminated. */
class HttpAgentRuntime implements AgentRuntime.AgentRuntime {
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
  readonly agent: Agent.Any
  private readonly remote: RemoteRuntime<Agent.Any>

  constructor(remote: RemoteRuntime<Agent.Any>, info: Known) {
    this.id = info.id
    this.epoch = info.epoch
    this.agent = remote.agent
    this.remote = remote
  }

  /** An operation on a life that is over. */
  private orTerminated<A, E, R>(effect: Effect.Effect<A, E, R>) {
    return Effect.catchIf(
      orUnreadable(effect),
      (error): error is Extract<typeof error, AgentError.AgentRuntimeNotFound> => isGone(error),
      () => Exit.fail(AgentError.AgentRuntimeTerminated.of(this.id))
    )
  }

  send(request: AgentRuntime.WireRequest, options?: AgentRuntime.SendOptions) {
    return this.orTerminated(orTooLarge(this.remote.send(request, options)))
  }

  ask(request: AgentRuntime.WireRequest, options?: AgentRuntime.AskOptions): Effect.Effect<never, AgentError.AskError> {
    // What the activity type declares is among the errors; `AgentRuntime` says so in its types.
    return this.orTerminated(orTooLarge(this.remote.ask(request, options))) as Effect.Effect<never, AgentError.AskError>
  }

  subscription(options?: Subscription.SubscriptionOptions) {
    return this.orTerminated(this.remote.subscription(options))
  }

  subscribe(options?: Subscription.SubscriptionOptions) {
    return Stream.unwrap(this.subscription(options))
  }

  get info() {
    return orUnreadable(Effect.catchTag(this.remote.info, "RuntimeIdInvalid", Effect.die))
  }

  get changes() {
    return Stream.catchIf(
      this.remote.changes,
      (error) => error._tag !== "AgentRuntimeNotFound",
      (error) => Stream.fail(new AgentError.StoreUnavailable({ message: error.message }))
    )
  }

  private found<A, E>(effect: Effect.Effect<A, E | AgentError.AgentRuntimeNotFound>, activityId: string) {
    return Effect.catchIf(
      orUnreadable(effect),
      (error): error is Extract<typeof error, AgentError.AgentRuntimeNotFound> => isGone(error),
      () => Exit.fail(AgentError.ActivityNotFound.of(activityId))
    )
  }

  receipt(activityId: string) {
    return this.found(this.remote.receipt(activityId), activityId)
  }

  awaitReceipt(activityId: string) {
    return this.found(this.remote.awaitReceipt(activityId), activityId)
  }

  cancel(activityId: string) {
    return this.found(this.remote.cancel(activityId), activityId)
  }

  get pause() {
    return this.orTerminated(this.remote.pause)
  }

  get resume() {
    return this.orTerminated(this.remote.resume)
  }

  terminate(options?: AgentRuntime.TerminateOptions) {
    return Effect.catchTag(orUnreadable(this.remote.terminate(options)), "AgentRuntimeNotFound", () => Effect.void)
  }

  get deadLetters() {
    return Effect.catchTag(orUnreadable(this.remote.deadLetters), "AgentRuntimeNotFound", () => Effect.succeed([]))
  }

  replay(activityId: string) {
    return this.orTerminated(this.remote.replay(activityId))
  }

  discard(activityId: string) {
    return this.found(this.remote.discard(activityId), activityId)
  }
}

/** The least that is known of any runtime. */
interface Known {
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
}

const describe = decoder(Described)

/**
 * Makes the manager on the `HttpClient` there is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<RuntimeManager.RuntimeManager["Service"], never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* AgentApiClient.make(options)
    const requester = new Requester(yield* HttpClient.HttpClient, options)
    const known = new Map<string, Agent.Any>((options.agents ?? []).map((agent) => [agent.name, agent]))

    /** Asks the server for its agents; those without a definition here are spoken to in JSON. */
    const learn = Effect.map(Effect.flatMap(requester.json("GET", "/v1/agents"), describe), ({ items }) => {
      for (const { activities, name } of items) {
        if (!known.has(name)) {
          known.set(
            name,
            unknownAgent(
              name,
              activities.map(({ type }) => type)
            )
          )
        }
      }
    })

    const agentNamed = (name: string): Effect.Effect<Agent.Any> =>
      Effect.suspend(() => {
        const agent = known.get(name)
        if (agent !== undefined) return Exit.succeed(agent)
        return Effect.map(Effect.ignore(learn), () => known.get(name) ?? unknownAgent(name, []))
      })

    /** That the runtime is of the agent `A` has been checked. */
    const handle = <A extends Agent.Any>(agent: Agent.Any, info: Known): AgentRuntime.AgentRuntime<A> =>
      new HttpAgentRuntime(client.runtime(agent, info.id, info.epoch), info) as unknown as AgentRuntime.AgentRuntime<A>

    const toHandle = <A extends Agent.Any>(remote: RemoteRuntime<A>): AgentRuntime.AgentRuntime<A> =>
      handle(remote.agent, { id: AgentRuntimeId.AgentRuntimeId.make(remote.id), epoch: remote.epoch ?? 0 })

    const any = unknownAgent("", [])

    const infoOf = (id: string): Effect.Effect<AgentRuntimeState.RuntimeInfo, RuntimeManager.FindError> =>
      Effect.suspend(() => {
        const missing = Exit.fail(AgentError.AgentRuntimeNotFound.of(id))
        if (!AgentRuntimeId.isAgentRuntimeId(id)) return missing
        return orUnavailable(Effect.catchTag(client.runtime(any, id).info, "RuntimeIdInvalid", () => missing))
      })

    const find = (id: string, agent?: Agent.Any): Effect.Effect<AgentRuntime.AgentRuntime, RuntimeManager.FindError> =>
      Effect.flatMap(infoOf(id), (info) => {
        if (agent === undefined) return Effect.map(agentNamed(info.agent), (agent) => handle(agent, info))
        return info.agent === agent.name
          ? Exit.succeed(handle(agent, info))
          : Exit.fail(AgentError.AgentRuntimeNotFound.of(id))
      })

    const get: RuntimeManager.Placement["get"] = <A extends Agent.Any>(...args: [string] | [A, string]) =>
      Effect.map(args.length === 1 ? find(args[0]) : find(args[1], args[0]), ({ agent, epoch, id }) =>
        handle<A>(agent, { id, epoch })
      )

    const create = <A extends Agent.Any>(
      agent: A,
      options?: RuntimeManager.CreateOptions<Agent.State<A>>
    ): Effect.Effect<AgentRuntime.AgentRuntime<A>, RuntimeManager.CreateError> =>
      Effect.map(
        orUnavailable(
          Effect.catchTag(client.create(agent, options), "PayloadTooLarge", ({ message }) =>
            Exit.fail(new AgentError.RequestInvalid({ path: ["state"], message }))
          )
        ),
        toHandle<A>
      )

    const getOrCreate = <A extends Agent.Any>(
      agent: A,
      options: RuntimeManager.CreateOptions<Agent.State<A>> & { readonly id: string }
    ): Effect.Effect<AgentRuntime.AgentRuntime<A>, RuntimeManager.CreateError | AgentError.StateUnreadable> =>
      Effect.catchTag(create(agent, options), "AgentRuntimeAlreadyExists", (exists) =>
        Effect.matchEffect(infoOf(options.id), {
          onFailure: (error) =>
            error._tag === "AgentRuntimeNotFound" ? getOrCreate(agent, options) : Exit.fail(error),
          onSuccess: (info) => {
            const runtime = handle<A>(agent, info)
            // One that ends makes way: wait for its end, then create. A server that is away meanwhile is told by the next try.
            if (info.status === "draining" || info.status === "terminated") {
              const ended = Effect.ignore(Effect.timeout(Stream.runDrain(runtime.changes), "10 seconds"))
              return Effect.andThen(ended, () => getOrCreate(agent, options))
            }
            return info.agent === agent.name ? Exit.succeed(runtime) : Exit.fail(exists)
          }
        })
      )

    return RuntimeManager.make({
      create,
      getOrCreate,
      get,
      list: (options) => orUnavailable(client.list(options)),
      purge: (id) =>
        AgentRuntimeId.isAgentRuntimeId(id)
          ? orUnavailable(client.runtime(any, id).purge)
          : Exit.fail(AgentError.AgentRuntimeNotFound.of(id)),
      fork: (id, options) =>
        Effect.flatMap(find(id), ({ agent }) =>
          Effect.map(orUnavailable(client.runtime(agent, id).fork(options)), toHandle)
        ),
      terminate: (id, options) =>
        Effect.catchTag(
          Effect.flatMap(find(id), (runtime) => runtime.terminate(options)),
          "StateUnreadable",
          (error): Effect.Effect<void, RuntimeManager.FindError> =>
            options?.mode === "immediate" ? orUnavailable(client.runtime(any, id).terminate(options)) : Exit.fail(error)
        ),
      agents: Effect.map(Effect.ignore(learn), () => Array.from(known.values()))
    })
  })

/**
 * The manager of a server's runtimes, on `fetch`.
 *
 * @example
 * ```ts
 * import { HttpRuntimeManager } from "@agent-runtime/transport-http"
 * import { Layer } from "effect"
 *
 * const layer = HttpRuntimeManager.layer({ baseUrl: "http://127.0.0.1:4199" })
 * console.log(Layer.isLayer(layer)) // true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<RuntimeManager.RuntimeManager> =>
  Layer.provide(Layer.effect(RuntimeManager.RuntimeManager, make(options)), FetchHttpClient.layer)
