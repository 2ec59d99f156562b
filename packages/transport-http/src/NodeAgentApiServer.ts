/**
 * The whole server on Node: one layer that listens, and a way to run a program that obeys `SIGTERM`.
 *
 * @since 0.1.0
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Cause, Duration, Effect, Exit, Layer, Schema, Scope } from "effect"
import { HttpServer, HttpServerError } from "effect/http"
import type { RuntimeManager } from "@agent-runtime/core"
import { Authorization } from "./Authorization.ts"
import * as AgentApiServer from "./AgentApiServer.ts"
import { shuttingDown } from "./internal/gate.ts"
import { longestTimer } from "./internal/longestTimer.ts"
import { ServerLimits, type ServerLimitsShape } from "./ServerLimits.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends AgentApiServer.Options {
  /** Default 4199; 0 picks a free one. */
  readonly port?: number | undefined
  /** The address to listen on. Default `127.0.0.1`. Any that is not loopback needs an `Authorization`. */
  readonly host?: string | undefined
}

/**
 * The server would listen on an address that others reach, and let everyone do everything.
 *
 * @category errors
 * @since 0.1.0
 */
export class CredentialsRequired extends Schema.TaggedError<CredentialsRequired>()("CredentialsRequired", {
  message: Schema.String,
  host: Schema.String
}) {}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

/** What Node refuses before there is a request, in the words of the API. */
const refusals: Readonly<Record<string, readonly [status: string, tag: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "RequestInvalid", "The headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "RequestInvalid", "The request took too long to arrive"]
}

const listener = (limits: ServerLimitsShape): Server => {
  const headersTimeout = Duration.toMillis(limits.headersTimeout)
  const server = createServer({
    headersTimeout,
    requestTimeout: Math.max(headersTimeout, Duration.toMillis(limits.requestTimeout)),
    connectionsCheckingInterval: Math.min(5000, Math.ceil(headersTimeout / 2)),
    keepAliveTimeout: 5000,
    // A peer that is gone without a word while nothing is sent, such as during a long ask, is found by TCP within 15 seconds.
    keepAlive: true,
    keepAliveInitialDelay: 4000,
    maxHeaderSize: limits.headerBytes,
    // Who names no host is refused in the words of the API.
    requireHostHeader: false
  })
  // An expectation that is not known may be ignored. Node would answer it without a word.
  server.on("checkExpectation", (request, response) => void server.emit("request", request, response))
  server.maxConnections = limits.connections
  // The longest silence there is on a connection that is well: what is silent for longer does not read its answer.
  const silence = Duration.toMillis(limits.wait) + Duration.toMillis(limits.keepAlive) + 30_000
  server.timeout = Math.min(silence, longestTimer)
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return socket.destroy()
    const [status, tag, message] = refusals[error.code ?? ""] ?? [
      "400 Bad Request",
      "RequestInvalid",
      "The request is no HTTP"
    ]
    const body = JSON.stringify({ _tag: tag, message, path: [] })
    socket.end(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
    )
  })
  answerAlways(server)
  return server
}

/**
 * It listens before its routes are made, and a connection outlives them: a request that comes early waits for them, one that comes
 * late is told to go, instead of waiting for ever.
 */
const answerAlways = (server: Server): void => {
  const early: Array<readonly [IncomingMessage, ServerResponse]> = []
  const hold = (request: IncomingMessage, response: ServerResponse) => void early.push([request, response])
  const release = (event: string | symbol) => {
    if (event !== "request") return
    server.off("newListener", release)
    server.off("request", hold)
    // The event tells of a listener that is about to be added.
    setImmediate(() => {
      for (const [request, response] of early) server.emit("request", request, response)
      server.on("removeListener", (event) => {
        if (event === "request" && server.listenerCount("request") === 0) server.on("request", refuse)
      })
    })
  }
  server.on("request", hold)
  server.on("newListener", release)
}

const refuse = (_: IncomingMessage, response: ServerResponse): void => {
  const body = JSON.stringify(shuttingDown())
  response.writeHead(503, { "content-type": "application/json", "retry-after": "1", connection: "close" }).end(body)
}

/**
 * A server on Node. Needs a `RuntimeManager`; takes `Authorization` and `ServerLimits` from its surroundings where they
 * are given. Fails `CredentialsRequired` for an address that is not loopback without `Authorization`, and `ServeError`
 * where it cannot listen.
 *
 * @example
 * ```ts
 * import { RuntimeManager } from "@agent-runtime/core"
 * import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
 * import { Effect, Layer } from "effect"
 * import { HttpServer } from "effect/http"
 *
 * const server = NodeAgentApiServer.layer({ port: 0 }).pipe(Layer.provide(RuntimeManager.layer))
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* HttpServer.HttpServer
 *   console.log(HttpServer.formatAddress(address).startsWith("http://127.0.0.1:")) // true
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(server)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  HttpServer.HttpServer,
  CredentialsRequired | HttpServerError.ServeError,
  RuntimeManager.RuntimeManager
> => {
  const host = options.host ?? "127.0.0.1"
  const address = host.replace(/^\[|\]$/g, "")
  const { port = 4199 } = options
  const socket = Layer.unwrap(
    Effect.gen(function* () {
      const { required } = yield* Authorization
      const limits = yield* ServerLimits
      if (!required && !isLoopback(host)) {
        return yield* new CredentialsRequired({
          host,
          message: `${host} can be reached by others: give tokens, or listen on 127.0.0.1`
        })
      }
      const server = listener(limits)
      return NodeHttpServer.layer(() => server, {
        port,
        host: address,
        gracefulShutdownTimeout: "500 millis"
      })
    })
  )
  const hosts = [...(options.hosts ?? []), address.includes(":") ? `[${address}]` : address]
  return AgentApiServer.layer({ ...options, hosts }).pipe(Layer.provideMerge(socket))
}

/** What went wrong, in the words of whatever went wrong first: a port that is taken is a cause of an error. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return messageOf(error.cause)
  return error.message === "" ? String(error) : error.message
}

/**
 * Runs a program until it is told to end: the layer is built, `started` is run, and on `SIGTERM` or `SIGINT` the layer
 * is closed and the process exits with code 0. A second signal exits at once. A layer that cannot be built is told in one
 * line on standard error, with exit code 1.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E>(layer: Layer.Layer<A, E>, started: Effect.Effect<void, never, A>): void => {
  const scope = Scope.makeUnsafe()
  let signals = 0
  let close: (() => void) | undefined
  const onSignal = () => {
    if (++signals > 1) process.exit(1)
    close?.()
  }
  process.on("SIGTERM", onSignal)
  process.on("SIGINT", onSignal)
  const told = new Promise<void>((resolve) => {
    close = resolve
  })
  const program = Effect.gen(function* () {
    const context = yield* Layer.buildWithScope(layer, scope)
    yield* Effect.provideContext(started, context)
    yield* Effect.promise(() => told)
  })
  void Effect.runPromiseExit(Effect.onExit(program, (exit) => Scope.close(scope, exit))).then((exit) => {
    if (Exit.isSuccess(exit)) process.exit(0)
    process.stderr.write(`${messageOf(Cause.squash(exit.cause))}\n`)
    process.exit(1)
  })
}
