import { AgentError } from "@agent-runtime/schema"
import { Context, Effect, Exit, Layer } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { Access, CurrentPrincipal, RequiredScope } from "../AgentApi.ts"
import { ShuttingDown, type Unauthorized } from "../ApiError.ts"
import { Authorization, type Principal } from "../Authorization.ts"
import { failure } from "./answer.ts"
import { faultOf } from "./fault.ts"
import { CurrentGate } from "./gate.ts"
import { missing } from "./ownership.ts"

/** What the schemas of an endpoint refuse in the path, the query or the headers. */
const refused = (
  error: HttpApiError.HttpApiSchemaError,
  params: Readonly<Record<string, string | undefined>>
): AgentError.RuntimeIdInvalid | AgentError.RequestInvalid => {
  const { message, path } = faultOf(error.cause.issue)
  if (error.kind === "Params" && path[0] === "id") return AgentError.RuntimeIdInvalid.of(params.id ?? "")
  return new AgentError.RequestInvalid({ path, message: `${path.join(".") || error.kind} is wrong: ${message}` })
}

/** Whether who is asking was found at once. */
const isKnown = (found: Effect.Effect<Principal, Unauthorized>): found is Exit.Exit<Principal, Unauthorized> =>
  Exit.isExit(found)

/** Stands in front of every endpoint: who is asking, whether they may, how often, and what they asked. */
export const layer: Layer.Layer<Access, never, CurrentGate> = Layer.effect(
  Access,
  Effect.gen(function* () {
    const gate = yield* CurrentGate
    const authorization = yield* Authorization
    return Access.of((handler, { endpoint }) => {
      const scope = Context.get(endpoint.annotations, RequiredScope)
      const isWork = scope === "send" || scope === "manage"
      const answering = Effect.catch(handler, (error) => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        return Effect.map(HttpRouter.params, (params) => failure(refused(error, params)))
      })
      const admitted = (principal: Principal) => {
        if (scope !== "none" && !principal.scopes.has(scope)) return Exit.succeed(failure(missing(scope)))
        if (isWork && gate.closing) return Exit.succeed(failure(ShuttingDown.of()))
        const busy = gate.enter(principal)
        if (busy !== undefined) return Exit.succeed(failure(busy))
        return Effect.onExit(Effect.provideService(answering, CurrentPrincipal, principal), () => {
          gate.leave(principal)
          return Exit.void
        })
      }
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const found = authorization.authenticate(request.headers)
        if (isKnown(found) && Exit.isSuccess(found)) return admitted(found.value)
        return Effect.matchEffect(found, {
          onFailure: (error) => Effect.succeed(failure(error)),
          onSuccess: admitted
        })
      })
    })
  })
)
