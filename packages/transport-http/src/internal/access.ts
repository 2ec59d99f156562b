import { Context, Effect, Exit } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import { Access, RequiredScope } from "../AgentApi.ts"
import type { Unauthorized } from "../ApiError.ts"
import { type AuthorizationShape, principal, type Principal } from "../Authorization.ts"
import { failure } from "./answer.ts"
import { type Gate, shuttingDown } from "./gate.ts"
import { missing } from "./ownership.ts"

type Response = HttpServerResponse.HttpServerResponse

/** Whether who is asking was found at once. */
const isKnown = (found: Effect.Effect<Principal, Unauthorized>): found is Exit.Exit<Principal, Unauthorized> =>
  Exit.isExit(found)

/** What an endpoint says of who may use it. */
export interface Guarded {
  readonly annotations: Context.Context<never>
  readonly middlewares: ReadonlySet<unknown>
}

const nobody = principal({ name: "nobody", scopes: [] })

/** Stands in front of an endpoint that asks for `Access`: who is asking, whether they may, and how often. */
export const admission = (gate: Gate, authorization: AuthorizationShape) => (endpoint: Guarded) => {
  if (!endpoint.middlewares.has(Access)) {
    return <E, R>(
      _: HttpServerRequest.HttpServerRequest,
      use: (principal: Principal) => Effect.Effect<Response, E, R>
    ) => use(nobody)
  }
  const scope = Context.get(endpoint.annotations, RequiredScope)
  const isWork = scope === "send" || scope === "manage"
  return <E, R>(
    request: HttpServerRequest.HttpServerRequest,
    use: (principal: Principal) => Effect.Effect<Response, E, R>
  ): Effect.Effect<Response, E, R> => {
    const admitted = (principal: Principal): Effect.Effect<Response, E, R> => {
      if (scope !== "none" && !principal.scopes.has(scope)) return Exit.succeed(failure(missing(scope)))
      if (isWork && gate.closing) return Exit.succeed(failure(shuttingDown()))
      // Counted in where it is sure to be counted out: whoever asks may leave at any moment.
      return Effect.acquireUseRelease(
        Effect.sync(() => gate.enter(principal)),
        (busy) => (busy === undefined ? use(principal) : Exit.succeed(failure(busy))),
        (busy) => (busy === undefined ? Effect.sync(() => gate.leave(principal)) : Exit.void)
      )
    }
    const found = authorization.authenticate(request.headers)
    if (isKnown(found) && Exit.isSuccess(found)) return admitted(found.value)
    return Effect.matchEffect(found, {
      onFailure: (error) => Effect.succeed(failure(error)),
      onSuccess: admitted
    })
  }
}
