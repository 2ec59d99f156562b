/**
 * A typed client of the HTTP API, for Node, Bun, Deno and browsers. What an agent's definition says is checked here:
 * payloads before they are sent, replies, states and events as they arrive.
 *
 * @since 0.1.0
 */
import type { AgentRuntime, RuntimeManager, Subscription } from "@agent-runtime/core"
import {
  ActivityId,
  type Agent,
  AgentError,
  type AgentEvent,
  type AgentRuntimeId,
  AgentRuntimeState,
  Receipt
} from "@agent-runtime/schema"
import { Context, Deferred, Duration, Effect, Exit, Function, Layer, type Scope, Stream } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import type { ApiUnavailable, Forbidden, PayloadTooLarge, TooManyRequests, Unauthorized } from "./ApiError.ts"
import * as ApiError from "./ApiError.ts"
import { follow } from "./internal/client/changes.ts"
import { DeadLetters } from "./internal/deadLetter.ts"
import { EventQueue } from "./internal/client/eventQueue.ts"
import { EventReader } from "./internal/client/eventReader.ts"
import { type Failure } from "./internal/client/failure.ts"
import { type Call, type Method, Requester } from "./internal/client/requester.ts"
import { decoder, decodeReceipt, encodeSend, encodeState, outcome, toPage } from "./internal/client/wire.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Where the server is, such as `http://127.0.0.1:4199`. In a page of the same server: the empty string. */
  readonly baseUrl: string
  /** Sent as `authorization: Bearer <token>`. */
  readonly token?: string | undefined
  /**
   * How long a server that cannot be reached is tried again for what does no harm to send twice: `terminate` and `cancel` only
   * of a runtime with an epoch, for there may be a later life of its id; `purge`, `discard` and `replay` never, nor what creates a
   * runtime. Default 10 seconds. One that takes a request and says nothing for 45 seconds (5 minutes for `terminate`) cannot be
   * reached either.
   */
  readonly patience?: Duration.Input | undefined
}

/**
 * What every request may fail with, beside what the operation itself says.
 *
 * @category errors
 * @since 0.1.0
 */
export type ClientError =
  | ApiUnavailable
  | Forbidden
  | PayloadTooLarge
  | TooManyRequests
  | Unauthorized
  | AgentError.StoreUnavailable

/**
 * What an operation on a runtime may fail with.
 *
 * @category errors
 * @since 0.1.0
 */
export type FindError = RuntimeManager.FindError | ClientError

/**
 * A runtime on the server. With an `epoch` it is that one life of it, else whichever lives under its id.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemoteRuntime<A extends Agent.Any> {
  readonly id: string
  readonly agent: A
  readonly epoch: number | undefined

  /** Sends an activity; answers its receipt once it is accepted. Sent again under the same id where the answer is lost. */
  send(
    request: AgentRuntime.Request<A>,
    options?: AgentRuntime.SendOptions
  ): Effect.Effect<Receipt.Receipt, AgentError.SendError | FindError>

  /** Sends an activity and waits for its outcome. Interrupting the wait leaves the activity alone unless asked to. */
  ask<R extends AgentRuntime.Request<A>>(
    request: R,
    options?: AgentRuntime.AskOptions
  ): Effect.Effect<AgentRuntime.Success<R>, AgentRuntime.Error<R> | AgentError.AskError | FindError>

  /** Registers at once and answers the stream: whatever is sent afterwards is seen. Reconnects on its own. */
  subscription(
    options?: Subscription.SubscriptionOptions<A>
  ): Effect.Effect<
    Stream.Stream<AgentEvent.AgentEvent<A>, AgentError.SubscriberLagged | AgentError.StoreUnavailable>,
    AgentError.SubscribeError | FindError,
    Scope.Scope
  >

  /**
   * The events, registered when the stream starts. Reconnects on its own, without a gap and without a duplicate. What was
   * processed and does not fit the agent as it is defined here, such as a type that only the server knows, is a `Gap`.
   */
  subscribe(
    options?: Subscription.SubscriptionOptions<A>
  ): Stream.Stream<AgentEvent.AgentEvent<A>, AgentError.SubscribeError | AgentError.SubscriberLagged | FindError>

  /** What the runtime says of itself now. */
  readonly info: Effect.Effect<AgentRuntimeState.RuntimeInfo<Agent.State<A>>, AgentError.RuntimeIdInvalid | FindError>

  /**
   * The runtime's info whenever it changes, latest value only. Ends with the runtime. Once it has begun it reconnects on its
   * own, however long the server is away.
   */
  readonly changes: Stream.Stream<AgentRuntimeState.RuntimeInfo<Agent.State<A>>, FindError>

  /** The receipt of an activity as it now stands. */
  receipt(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | FindError>

  /** Waits until the activity has ended, then answers its receipt. */
  awaitReceipt(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | FindError>

  /** Removes a waiting activity or interrupts a running one. */
  cancel(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | FindError>

  /** Finishes the running activity and holds the rest. */
  readonly pause: Effect.Effect<void, AgentError.AgentRuntimeTerminated | FindError>
  /** Goes on after `pause`. */
  readonly resume: Effect.Effect<void, AgentError.AgentRuntimeTerminated | FindError>

  /** Ends the runtime. */
  terminate(options?: AgentRuntime.TerminateOptions): Effect.Effect<void, FindError>

  /** Removes what the store keeps of a runtime that has ended. */
  readonly purge: Effect.Effect<void, FindError>

  /** Creates a runtime of the same agent from a state that was kept of this one. */
  fork(
    options: RuntimeManager.ForkOptions
  ): Effect.Effect<RemoteRuntime<A>, RuntimeManager.CreateError | FindError | AgentError.CursorInvalid>

  /** The dead letters, oldest first. */
  readonly deadLetters: Effect.Effect<ReadonlyArray<AgentRuntime.DeadLetter>, FindError>
  /** Sends a dead letter again. */
  replay(
    activityId: string
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError | FindError>
  /** Forgets a dead letter. Those of a runtime that has ended stay until it is purged. */
  discard(
    activityId: string
  ): Effect.Effect<void, AgentError.ActivityNotFound | AgentError.AgentRuntimeTerminated | FindError>
}

/**
 * A typed client of the HTTP API.
 *
 * @category services
 * @since 0.1.0
 */
export class AgentApiClient extends Context.Service<
  AgentApiClient,
  {
    /** A runtime by its id; nothing is asked yet. */
    readonly runtime: <A extends Agent.Any>(agent: A, id: string, epoch?: number) => RemoteRuntime<A>
    /** Creates a runtime. */
    readonly create: <A extends Agent.Any>(
      agent: A,
      options?: RuntimeManager.CreateOptions<Agent.State<A>>
    ) => Effect.Effect<RemoteRuntime<A>, RuntimeManager.CreateError | ClientError>
    /** Lists runtimes, a page at a time. */
    readonly list: (
      options?: RuntimeManager.ListOptions
    ) => Effect.Effect<RuntimeManager.Page, AgentError.RequestInvalid | ClientError>
  }
>()("@agent-runtime/transport-http/AgentApiClient") {}

const always = [
  "ApiUnavailable",
  "Forbidden",
  "PayloadTooLarge",
  "TooManyRequests",
  "Unauthorized",
  "StoreUnavailable"
] as const

/** How long one request of an ask waits, before it is sent again. */
const turn = "25s"

/** How long a runtime may take to end: that is answered when it has, and no sign of life comes before. */
const drain = "5 minutes"

const activityName = () => globalThis.crypto.randomUUID() as string as ActivityId.ActivityId

class Remote implements RemoteRuntime<Agent.Any> {
  readonly id: AgentRuntimeId.AgentRuntimeId | string
  readonly agent: Agent.Any
  readonly epoch: number | undefined
  private readonly requester: Requester
  private readonly decodeInfo: (json: unknown) => Exit.Exit<AgentRuntimeState.RuntimeInfo, ApiUnavailable>

  constructor(requester: Requester, agent: Agent.Any, id: string, epoch: number | undefined) {
    this.requester = requester
    this.agent = agent
    this.id = id
    this.epoch = epoch
    this.decodeInfo = infoDecoder(agent)
  }

  private path(rest: string): string {
    return `/v1/runtimes/${encodeURIComponent(this.id)}${rest}`
  }

  private call<Tag extends Failure["_tag"]>(
    method: Method,
    path: string,
    tags: ReadonlyArray<Tag>,
    call: Call = {}
  ): Effect.Effect<unknown, Extract<Failure, { readonly _tag: Tag }> | ClientError> {
    return expecting(
      this.requester.json(method, this.path(path), {
        // Without an epoch a second one could end the like of it in a later life.
        repeatable: method === "DELETE" && this.epoch !== undefined,
        ...call,
        query: { epoch: this.epoch, ...call.query }
      }),
      tags
    )
  }

  /** What is no id of an activity is that of none. */
  private known<A, E>(activityId: string, call: (id: string) => Effect.Effect<A, E>) {
    return ActivityId.isActivityId(activityId)
      ? call(encodeURIComponent(activityId))
      : Exit.fail(AgentError.ActivityNotFound.of(activityId))
  }

  private one(method: Method, activityId: string, call?: Call) {
    return this.known(activityId, (id) => this.call(method, `/activities/${id}`, missing, call))
  }

  private post(
    request: AgentRuntime.WireRequest,
    options: AgentRuntime.SendOptions,
    wait?: string
  ): Effect.Effect<Receipt.Receipt, AgentError.SendError | FindError> {
    return Effect.flatMap(encodeSend(request, options), (body) =>
      Effect.flatMap(
        this.call("POST", "/activities", [...finding, ...sendTags], {
          query: { wait },
          body,
          repeatable: true
        }),
        decodeReceipt
      )
    )
  }

  send(request: AgentRuntime.WireRequest, options?: AgentRuntime.SendOptions) {
    return Effect.suspend(() => this.post(request, { ...options, id: options?.id ?? activityName() }))
  }

  ask(request: AgentRuntime.WireRequest, options?: AgentRuntime.AskOptions): Effect.Effect<never, never> {
    const answer = Effect.suspend(() => {
      const id = options?.id ?? activityName()
      const given = { ...options, id }
      const ended = Effect.flatMap(this.post(request, given, turn), (receipt) =>
        Receipt.isPending(receipt)
          ? Effect.catchTag(this.awaitReceipt(id), "ActivityNotFound", unknown)
          : Exit.succeed(receipt)
      )
      const asking = Effect.flatMap(ended, (receipt) => outcome(request, receipt))
      return options?.cancelOnInterrupt === true
        ? Effect.onInterrupt(asking, () => Effect.ignore(this.cancel(id)))
        : asking
    })
    // What the activity type declares; `RemoteRuntime` says so in its types.
    return answer as Effect.Effect<never, never>
  }

  subscription(options: Subscription.SubscriptionOptions = {}): ReturnType<RemoteRuntime<Agent.Any>["subscription"]> {
    return Effect.gen({ self: this }, function* () {
      const { capacity = 1 } = options
      if (!(capacity >= 1) || capacity % 1 > 0) {
        return yield* Effect.die(new RangeError(`capacity must be a whole number of at least 1, got ${capacity}`))
      }
      const { from = "latest" } = options
      const cursor =
        typeof from === "string"
          ? from
          : `${from.epoch ?? this.epoch ?? (yield* this.look(finding)).epoch}-${from.after}`
      const queue = new EventQueue(options, this.epoch ?? 0)
      const reader = new EventReader(
        this.requester,
        this.agent,
        {
          path: this.path("/events"),
          epoch: this.epoch,
          options,
          from: cursor
        },
        queue
      )
      const registered = yield* Deferred.make<void, Failure>()
      yield* Effect.forkScoped(reader.run(registered))
      yield* expecting(Deferred.await(registered), [...gone, "CursorInvalid", "EpochMismatch"])
      return Stream.fromPull(Effect.succeed(queue.pull))
    })
  }

  subscribe(options?: Subscription.SubscriptionOptions): ReturnType<RemoteRuntime<Agent.Any>["subscribe"]> {
    return Stream.unwrap(this.subscription(options))
  }

  private look<Tag extends Failure["_tag"]>(tags: ReadonlyArray<Tag>) {
    return Effect.flatMap(this.call("GET", "", tags), this.decodeInfo)
  }

  get info() {
    return this.look(["RuntimeIdInvalid", ...finding])
  }

  get changes(): Stream.Stream<AgentRuntimeState.RuntimeInfo, FindError> {
    return follow(
      expecting(this.requester.frames(this.path("/changes"), { epoch: this.epoch }), finding),
      this.decodeInfo,
      this.requester.patience
    )
  }

  receipt(activityId: string) {
    return Effect.flatMap(this.one("GET", activityId), decodeReceipt)
  }

  awaitReceipt(activityId: string): ReturnType<RemoteRuntime<Agent.Any>["awaitReceipt"]> {
    return Effect.flatMap(
      Effect.flatMap(this.one("GET", activityId, { query: { wait: turn } }), decodeReceipt),
      (receipt) =>
        // A server may wait for less than it is asked to.
        Receipt.isPending(receipt) ? Effect.delay(this.awaitReceipt(activityId), 100) : Exit.succeed(receipt)
    )
  }

  cancel(activityId: string) {
    return Effect.flatMap(this.one("DELETE", activityId), decodeReceipt)
  }

  get pause() {
    return Effect.asVoid(this.call("POST", "/pause", gone, { repeatable: true }))
  }

  get resume() {
    return Effect.asVoid(this.call("POST", "/resume", gone, { repeatable: true }))
  }

  terminate(options?: AgentRuntime.TerminateOptions) {
    const grace = options?.grace === undefined ? undefined : timeOf(Duration.toMillis(options.grace))
    const query = { mode: options?.mode, grace }
    return Effect.asVoid(this.call("DELETE", "", finding, { query, deadline: drain, done: "AgentRuntimeNotFound" }))
  }

  get purge() {
    return Effect.asVoid(this.call("POST", "/purge", finding))
  }

  fork(options: RuntimeManager.ForkOptions) {
    return Effect.map(
      Effect.flatMap(
        this.call("POST", "/fork", [...finding, ...createTags, "CursorInvalid"], { body: options }),
        this.decodeInfo
      ),
      (info) => new Remote(this.requester, this.agent, info.id, info.epoch)
    )
  }

  get deadLetters() {
    return Effect.map(Effect.flatMap(this.call("GET", "/dead-letters", finding), decodeLetters), ({ items }) => items)
  }

  replay(activityId: string) {
    return Effect.flatMap(
      this.known(activityId, (id) => this.call("POST", `/dead-letters/${id}/replay`, [...missing, ...sendTags])),
      decodeReceipt
    )
  }

  discard(activityId: string) {
    return Effect.asVoid(
      this.known(activityId, (id) =>
        // A second one would be for the next under that id.
        this.call("DELETE", `/dead-letters/${id}`, [...missing, ...gone], { repeatable: false })
      )
    )
  }
}

const finding = ["AgentRuntimeNotFound", "StateUnreadable"] as const
const missing = ["ActivityNotFound", ...finding] as const
const gone = ["AgentRuntimeTerminated", ...finding] as const
const sendTags = [
  "ActivityInvalid",
  "ActivityConflict",
  "AgentRuntimeBusy",
  "AgentRuntimeTerminated",
  "MailboxFull"
] as const
const createTags = [
  "AgentNotFound",
  "AgentRuntimeAlreadyExists",
  "RequestInvalid",
  "RuntimeIdInvalid",
  "TooManyRuntimes"
] as const

/** As the server reads a time: eleven days, the longest it can say in milliseconds, are as good as endless. */
const timeOf = (millis: number): string => `${Math.min(Math.round(millis), 999_999_999)}ms`

/** What became of an activity cannot be told any more. */
const unknown = ({ message }: AgentError.ActivityNotFound) => Exit.fail(ApiError.ApiUnavailable.of(message))

const decodeLetters = decoder(DeadLetters)

const infoDecoder = Function.memoize((agent: Agent.Any) => decoder(AgentRuntimeState.codec(agent)))

/** Keeps the errors that an operation may have; any other is an answer this API does not give. */
const expecting = <A, Tag extends Failure["_tag"]>(
  effect: Effect.Effect<A, Failure>,
  tags: ReadonlyArray<Tag>
): Effect.Effect<A, Extract<Failure, { readonly _tag: Tag }> | ClientError> => {
  const expected: ReadonlyArray<string> = [...always, ...tags]
  const isExpected = (failure: Failure): failure is Extract<Failure, { readonly _tag: Tag }> | ClientError =>
    expected.includes(failure._tag)
  return Effect.mapError(effect, (error) =>
    isExpected(error) ? error : ApiError.ApiUnavailable.of(`${error._tag}: ${error.message}`)
  )
}

/**
 * Makes a client on the `HttpClient` there is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<AgentApiClient["Service"], never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const requester = new Requester(client, options)
    // The operations of `Remote` check by the agent what the types say.
    const runtime = <A extends Agent.Any>(agent: A, id: string, epoch?: number): RemoteRuntime<A> =>
      new Remote(requester, agent, id, epoch) as unknown as RemoteRuntime<A>
    return AgentApiClient.of({
      runtime,
      create: (agent, options) =>
        Effect.flatMap(encodeState(agent, options?.state), (state) =>
          Effect.flatMap(
            expecting(
              requester.json("POST", "/v1/runtimes", { body: { agent: agent.name, id: options?.id, state } }),
              createTags
            ),
            (json) => Effect.map(infoDecoder(agent)(json), (info) => runtime(agent, info.id, info.epoch))
          )
        ),
      list: (options) =>
        Effect.flatMap(
          expecting(requester.json("GET", "/v1/runtimes", { query: { ...options } }), ["RequestInvalid"]),
          toPage
        )
    })
  })

/**
 * A client on `fetch`.
 *
 * @example
 * ```ts
 * import { AgentApiClient } from "@agent-runtime/transport-http"
 * import { Layer } from "effect"
 *
 * const layer = AgentApiClient.layer({ baseUrl: "http://127.0.0.1:4199" })
 * console.log(Layer.isLayer(layer)) // true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<AgentApiClient> =>
  Layer.provide(Layer.effect(AgentApiClient, make(options)), FetchHttpClient.layer)
