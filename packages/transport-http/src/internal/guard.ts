import { Cause, Context, Effect, Exit, Result } from "effect"
import { HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Forbidden, InternalError, MethodNotAllowed, RouteNotFound } from "../ApiError.ts"
import { AgentApi } from "../AgentApi.ts"
import type { ServerLimitsShape } from "../ServerLimits.ts"
import { failure } from "./answer.ts"
import { invalid, tooLarge } from "./body.ts"
import { shuttingDown } from "./gate.ts"
import { isLogged, logged } from "./requestLog.ts"

/** Which names a server answers to, and which pages of other origins may speak to it. */
export interface Origins {
  /** Names in `Host`, without port. */
  readonly hosts: ReadonlyArray<string>
  /** Origins of pages that may read what the server answers, such as `https://app.example.com`. */
  readonly origins: ReadonlyArray<string>
}

type Response = HttpServerResponse.HttpServerResponse

const patterns = (() => {
  const known = new Map<string, { readonly path: string; readonly pattern: RegExp; readonly methods: Set<string> }>()
  for (const group of Object.values(AgentApi.groups)) {
    for (const endpoint of Object.values(group.endpoints)) {
      const path = endpoint.path
      let entry = known.get(path)
      if (entry === undefined) {
        entry = {
          path,
          pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/]+")}/?$`),
          methods: new Set()
        }
        known.set(path, entry)
      }
      entry.methods.add(endpoint.method)
      if (endpoint.method === "GET") entry.methods.add("HEAD")
    }
  }
  return Array.from(known.values())
})()

/** Which of this API's paths a request names. */
const pathOf = (url: string) => {
  const path = url.split(/[?#]/, 1)[0] ?? ""
  return patterns.find(({ pattern }) => pattern.test(path))
}

/** The methods that a path of this API knows. */
const methodsOf = (url: string): ReadonlyArray<string> => Array.from(pathOf(url)?.methods ?? []).sort()

const notFound = (request: HttpServerRequest.HttpServerRequest): Response => {
  const allow = methodsOf(request.url)
  // It is taken there, so the rest of the path is what cannot be read.
  if (allow.includes(request.method)) return failure(invalid("The path cannot be read: a % in it encodes nothing"))
  return failure(
    allow.length === 0
      ? new RouteNotFound({ message: "There is no such path: GET /docs shows those there are" })
      : new MethodNotAllowed({ allow, message: `This path takes ${allow.join(", ")}` })
  )
}

/** The router takes what follows a semicolon for the query: `DELETE /v1/runtimes/a;b/activities/c` would end `a`. */
const hasSemicolon = (url: string): boolean => {
  const at = url.indexOf(";")
  return at >= 0 && !url.slice(0, at).includes("?")
}

/** `[::1]:4199` is `[::1]`, `localhost:4199` is `localhost`. */
const hostName = (host: string): string => host.replace(/:\d*$/, "").toLowerCase()

const sameOrigin = (origin: string, host: string): boolean =>
  origin.toLowerCase() === `http://${host.toLowerCase()}` || origin.toLowerCase() === `https://${host.toLowerCase()}`

const cors = (origin: string): Record<string, string> => ({
  "access-control-allow-origin": origin,
  "access-control-expose-headers": "location, retry-after, www-authenticate, allow",
  vary: "origin"
})

/** What a client sends that a browser asks about: the last two come from Effect's `HttpClient`, with every request. */
const allowedHeaders = "authorization, content-type, last-event-id, b3, traceparent"

/** A browser asks before it sends: what the path takes, from a listed origin. */
const preflight = (origin: string, request: HttpServerRequest.HttpServerRequest): Response =>
  HttpServerResponse.empty({
    status: 204,
    headers: {
      ...cors(origin),
      "access-control-allow-methods": methodsOf(request.url).join(", "),
      "access-control-allow-headers": allowedHeaders,
      "access-control-max-age": "600"
    }
  })

/** Whether who asked is gone; else it is the server that goes. */
const hasLeft = ({ reasons }: Cause.Cause<unknown>): boolean =>
  reasons.some(({ annotations }) => annotations.has(HttpServerError.ClientAbort.key))

/** What a request that failed is answered with; nothing of the cause leaves the server. */
const failed = (
  request: HttpServerRequest.HttpServerRequest,
  limits: ServerLimitsShape,
  cause: Cause.Cause<unknown>
): Effect.Effect<Response, unknown> => {
  if (Cause.hasInterruptsOnly(cause))
    return hasLeft(cause) ? Exit.failCause(cause) : Exit.succeed(failure(shuttingDown()))
  const found = Cause.findError(cause)
  if (Result.isSuccess(found) && HttpServerError.isHttpServerError(found.success)) {
    const { reason } = found.success
    if (reason._tag === "RouteNotFound") return Exit.succeed(notFound(request))
    if (reason._tag === "RequestParseError") {
      return Exit.succeed(
        failure(reason.reason === "BodyTooLarge" ? tooLarge(limits) : invalid("The request cannot be read"))
      )
    }
  }
  return Effect.as(
    Effect.logError(`${request.method} ${request.url.split("?", 1)[0]} failed`, cause),
    failure(new InternalError({ message: "The server failed at this request; its log says how" }))
  )
}

/** Stands in front of every route: names and origins before it, answers in JSON for whatever goes wrong behind it. */
export const guard =
  (limits: ServerLimitsShape, { hosts, origins }: Origins) =>
  <E, R>(
    routes: Effect.Effect<Response, E, R>
  ): Effect.Effect<Response, unknown, R | HttpServerRequest.HttpServerRequest> => {
    const names = new Set(hosts.map((host) => host.toLowerCase()))
    const listed = new Set(origins.map((origin) => origin.toLowerCase()))
    const answer = (
      request: HttpServerRequest.HttpServerRequest
    ): Effect.Effect<Response, unknown, R | HttpServerRequest.HttpServerRequest> => {
      const { host = "", origin } = request.headers
      if (!names.has(hostName(host))) {
        return Exit.succeed(
          failure(new Forbidden({ message: "This server does not answer to that name: check the Host header" }))
        )
      }
      const handled = hasSemicolon(request.url)
        ? Exit.succeed(failure(invalid("The path cannot be read: write a semicolon as %3B")))
        : Effect.catchCause(routes, (cause) => failed(request, limits, cause))
      if (origin === undefined || sameOrigin(origin, host)) return handled
      if (!listed.has(origin.toLowerCase())) {
        return Exit.succeed(failure(new Forbidden({ message: "This server does not speak to pages of that origin" })))
      }
      if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) {
        return Exit.succeed(preflight(origin, request))
      }
      return Effect.map(handled, HttpServerResponse.setHeaders(cors(origin)))
    }
    return Effect.contextWith((context: Context.Context<HttpServerRequest.HttpServerRequest>) => {
      const request = Context.get(context, HttpServerRequest.HttpServerRequest)
      return isLogged(context) ? logged(request, pathOf(request.url)?.path, answer(request)) : answer(request)
    })
  }
