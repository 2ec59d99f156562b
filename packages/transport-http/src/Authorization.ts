/**
 * Who may do what: tokens bound to a principal, its scopes, and the runtimes that are its own. `layerTokenFile` and
 * `layerTokens` are two implementations; a program with sessions or JWTs provides its own with `layer`.
 *
 * @since 0.1.0
 */
import type { AgentRuntime, RuntimeManager, Subscription } from "@agent-runtime/core"
import type { Agent, AgentError, AgentEvent, AgentRuntimeState } from "@agent-runtime/schema"
import type { Duration } from "effect"
import { Context, Effect, Exit, FileSystem, Layer, Option, Schedule, Schema, Stream } from "effect"
import { type Forbidden, Unauthorized } from "./ApiError.ts"
import { checkOwn, idFor, missing, prefixFor } from "./internal/ownership.ts"

/**
 * `read`: look at things; `send`: send activities and replay dead letters; `manage`: create, terminate, pause, resume,
 * cancel, discard.
 *
 * @category models
 * @since 0.1.0
 */
export type Scope = "read" | "send" | "manage"

/**
 * Every scope.
 *
 * @category constants
 * @since 0.1.0
 */
export const scopes: ReadonlyArray<Scope> = ["read", "send", "manage"]

/**
 * Someone who makes requests. Runtimes whose id does not begin with `prefix` do not exist for them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Principal {
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  readonly prefix: string
}

/**
 * Makes a principal; by default one that may do everything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const principal = (options: {
  readonly name: string
  readonly scopes?: Iterable<Scope> | undefined
  readonly prefix?: string | undefined
}): Principal => ({
  name: options.name,
  scopes: new Set(options.scopes ?? scopes),
  prefix: options.prefix ?? ""
})

/**
 * The headers of a request, names in lower case.
 *
 * @category models
 * @since 0.1.0
 */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * @category models
 * @since 0.1.0
 */
export interface AuthorizationShape {
  /** Whether requests need credentials. Without, a server listens on a loopback address only. */
  readonly required: boolean
  /** Who makes a request with these headers. Asked again, every few seconds, for as long as an event stream is open. */
  readonly authenticate: (headers: Headers) => Effect.Effect<Principal, Unauthorized>
}

/**
 * Who may do what; by default everyone may do everything.
 *
 * @category references
 * @since 0.1.0
 */
export const Authorization: Context.Reference<AuthorizationShape> = Context.Reference<AuthorizationShape>(
  "@agent-runtime/transport-http/Authorization",
  {
    defaultValue: () => {
      const anyone = Exit.succeed(principal({ name: "anonymous" }))
      return { required: false, authenticate: () => anyone }
    }
  }
)

/**
 * Credentials of one's own making: `authenticate` finds the principal of a request by its headers.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (authenticate: AuthorizationShape["authenticate"]): Layer.Layer<never> =>
  Layer.succeed(Authorization, { required: true, authenticate })

/** What a header can carry, and `bearerOf` reads. */
const tokenPattern = /^[\x21-\x7e]+$/

const tokenRule = "a token is visible ASCII without spaces"

/**
 * One token and what it opens. A token is visible ASCII without spaces, as a header can carry it; `prefix` is empty where
 * every runtime is its own.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Token = Schema.Struct({
  token: Schema.String.check(Schema.isPattern(tokenPattern)),
  principal: Schema.NonEmptyString,
  scopes: Schema.Array(Schema.Literals(["read", "send", "manage"])),
  prefix: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{0,40}$/)))
})
/**
 * @category models
 * @since 0.1.0
 */
export type Token = typeof Token.Type

/** The token of an `authorization` header. The scheme is not case sensitive. */
const bearerOf = (headers: Headers): string | undefined => /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1]

const unauthorized = Exit.fail(new Unauthorized({ message: "Send a valid token: authorization: Bearer <token>" }))

/**
 * Compares without ending early: how long it takes tells nothing of where a guess goes wrong, only how long the guess is.
 */
const isSame = (guess: string, token: string): boolean => {
  let difference = guess.length ^ token.length
  for (let i = 0; i < guess.length; i++) difference |= guess.charCodeAt(i) ^ token.charCodeAt(i % token.length)
  return difference === 0
}

const authenticator = (tokens: ReadonlyArray<Token>): AuthorizationShape["authenticate"] => {
  const known = tokens.map((token) => ({
    token: token.token,
    found: Exit.succeed(principal({ name: token.principal, scopes: token.scopes, prefix: token.prefix }))
  }))
  return (headers) => {
    const guess = bearerOf(headers)
    if (guess === undefined) return unauthorized
    let answer: Exit.Exit<Principal, Unauthorized> = unauthorized
    for (const { found, token } of known) if (isSame(guess, token)) answer = found
    return answer
  }
}

/**
 * Tokens known from the start. Throws a `RangeError` where one of them is no token.
 *
 * @example
 * ```ts
 * import { Authorization } from "@agent-runtime/transport-http"
 * import { Layer } from "effect"
 *
 * const layer = Authorization.layerTokens([
 *   { token: "a-long-secret", principal: "team-a", scopes: ["read", "send"], prefix: "team-a-" }
 * ])
 * console.log(Layer.isLayer(layer)) // true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTokens = (tokens: ReadonlyArray<Token>): Layer.Layer<never> => {
  const wrong = tokens.find(({ token }) => !tokenPattern.test(token))
  if (wrong !== undefined)
    throw new RangeError(`Authorization: the token of "${wrong.principal}" is none: ${tokenRule}`)
  return layer(authenticator(tokens))
}

/**
 * A token file cannot be read, or is no list of tokens.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokenFileInvalid extends Schema.TaggedError<TokenFileInvalid>()("TokenFileInvalid", {
  message: Schema.String,
  file: Schema.String
}) {}

const decodeTokens = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Token)))

const parseTokens = (file: string, text: string): Effect.Effect<ReadonlyArray<Token>, TokenFileInvalid> =>
  Effect.mapError(
    decodeTokens(text),
    // What the decoder says may quote the file, and with it a token.
    () =>
      new TokenFileInvalid({
        file,
        message: `${file} is no list of { token, principal, scopes: ["read", "send", "manage"], prefix? } in JSON; ${tokenRule}`
      })
  )

/**
 * Tokens from a file of JSON: `[{ "token": "…", "principal": "…", "scopes": ["read", "send"], "prefix": "team-a-" }]`.
 *
 * The file is looked at every `interval` (default 1 second) and read again when it has changed. Unreadable at the start,
 * the layer fails `TokenFileInvalid`; unreadable later, nobody is let in until it is whole again.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTokenFile = (
  file: string,
  options?: { readonly interval?: Duration.Input | undefined }
): Layer.Layer<never, TokenFileInvalid, FileSystem.FileSystem> =>
  Layer.effect(
    Authorization,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const read = Effect.mapError(
        files.readFileString(file),
        (error) => new TokenFileInvalid({ file, message: `${file} cannot be read: ${error.message}` })
      )
      let text = yield* read
      let authenticate = authenticator(yield* parseTokens(file, text))
      const closed = authenticator([])
      const reread = Effect.gen(function* () {
        const now = yield* Effect.option(read)
        const next = Option.getOrElse(now, () => "")
        if (next === text) return
        text = next
        const tokens = yield* Effect.result(parseTokens(file, text))
        if (tokens._tag === "Success") {
          authenticate = authenticator(tokens.success)
          yield* Effect.logInfo(`Read ${file} again: ${tokens.success.length} tokens`)
        } else {
          authenticate = closed
          yield* Effect.logError(`${tokens.failure.message}. Nobody is let in until it is.`)
        }
      })
      yield* Effect.forkScoped(Effect.repeat(reread, Schedule.spaced(options?.interval ?? "1 second")))
      return { required: true, authenticate: (headers) => authenticate(headers) }
    })
  )

type Manager = RuntimeManager.RuntimeManager["Service"]
type Handle = AgentRuntime.AgentRuntime
type Of<Name extends keyof Handle> = Handle[Name] extends (...args: infer Args) => Effect.Effect<infer A, infer E>
  ? (id: string, ...args: Args) => Effect.Effect<A, E | RuntimeManager.FindError | Forbidden>
  : Handle[Name] extends Effect.Effect<infer A, infer E>
    ? (id: string) => Effect.Effect<A, E | RuntimeManager.FindError | Forbidden>
    : never

/**
 * A runtime manager as one principal sees it: what its scopes do not allow fails `Forbidden`, and runtimes that are not
 * its own do not exist.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestrictedManager {
  readonly create: <A extends Agent.Any>(
    agent: A,
    options?: RuntimeManager.CreateOptions<Agent.State<A>>
  ) => Effect.Effect<
    AgentRuntimeState.RuntimeInfo<Agent.State<A>>,
    RuntimeManager.CreateError | RuntimeManager.FindError | Forbidden
  >
  readonly list: (
    options?: RuntimeManager.ListOptions
  ) => Effect.Effect<RuntimeManager.Page, AgentError.RequestInvalid | AgentError.StoreUnavailable | Forbidden>
  readonly subscribe: (
    id: string,
    options?: Subscription.SubscriptionOptions
  ) => Stream.Stream<
    AgentEvent.AgentEvent,
    RuntimeManager.FindError | AgentError.SubscribeError | AgentError.SubscriberLagged | Forbidden
  >
  readonly info: Of<"info">
  readonly receipt: Of<"receipt">
  readonly deadLetters: Of<"deadLetters">
  readonly send: Of<"send">
  /** The answer is not typed. */
  readonly ask: (
    id: string,
    request: AgentRuntime.WireRequest,
    options?: AgentRuntime.AskOptions
  ) => Effect.Effect<unknown, unknown>
  readonly replay: Of<"replay">
  readonly cancel: Of<"cancel">
  readonly discard: Of<"discard">
  readonly pause: Of<"pause">
  readonly resume: Of<"resume">
  readonly terminate: Of<"terminate">
}

/**
 * Puts the checks of the HTTP API in front of a manager, for callers in this process.
 *
 * @category combinators
 * @since 0.1.0
 */
export const restrict = (manager: Manager, principal: Principal): RestrictedManager => {
  const allowed = (scope: Scope): Effect.Effect<void, Forbidden> =>
    principal.scopes.has(scope) ? Exit.void : Exit.fail(missing(scope))
  const using =
    <Args extends ReadonlyArray<unknown>, A, E>(
      scope: Scope,
      use: (runtime: Handle, ...args: Args) => Effect.Effect<A, E>
    ) =>
    (id: string, ...args: Args): Effect.Effect<A, E | RuntimeManager.FindError | Forbidden> =>
      Effect.gen(function* () {
        yield* allowed(scope)
        yield* checkOwn(principal, id)
        return yield* use(yield* manager.get(id), ...args)
      })
  return {
    create: (agent, options) =>
      Effect.gen(function* () {
        yield* allowed("manage")
        const id = yield* idFor(principal, options?.id)
        return yield* (yield* manager.create(agent, { ...options, id })).info
      }),
    list: (options) =>
      Effect.gen(function* () {
        yield* allowed("read")
        const prefix = prefixFor(principal, options?.prefix)
        return prefix === undefined ? { items: [] } : yield* manager.list({ ...options, prefix })
      }),
    subscribe: (id, options) =>
      Stream.unwrap(using("read", (runtime: Handle) => Effect.succeed(runtime.subscribe(options)))(id)),
    info: using("read", (runtime) => runtime.info),
    receipt: using("read", (runtime, activityId: string) => runtime.receipt(activityId)),
    deadLetters: using("read", (runtime) => runtime.deadLetters),
    send: using("send", (runtime, request: AgentRuntime.WireRequest, options?: AgentRuntime.SendOptions) =>
      runtime.send(request, options)
    ),
    ask: using("send", (runtime, request: AgentRuntime.WireRequest, options?: AgentRuntime.AskOptions) =>
      runtime.ask(request, options)
    ),
    replay: using("send", (runtime, activityId: string) => runtime.replay(activityId)),
    cancel: using("manage", (runtime, activityId: string) => runtime.cancel(activityId)),
    discard: using("manage", (runtime, activityId: string) => runtime.discard(activityId)),
    pause: using("manage", (runtime) => runtime.pause),
    resume: using("manage", (runtime) => runtime.resume),
    terminate: using("manage", (runtime, options?: AgentRuntime.TerminateOptions) => runtime.terminate(options))
  }
}
