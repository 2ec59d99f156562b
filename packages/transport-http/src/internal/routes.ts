import { AgentError } from "@agent-runtime/schema"
import { Context, Effect, Layer, Result, Schema } from "effect"
import { HttpRouter, HttpServerRequest, type HttpServerResponse } from "effect/http"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { AgentApi } from "../AgentApi.ts"
import { Authorization, type Principal } from "../Authorization.ts"
import { admission, type Guarded } from "./access.ts"
import { type Failure, failure } from "./answer.ts"
import { faultOf } from "./fault.ts"
import { CurrentGate } from "./gate.ts"

type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, HttpRouter.Provided>

/** What the schemas of an endpoint made of a request; its body is for the handler to read. */
type Asked<Endpoint> = Omit<HttpApiEndpoint.RequestRaw<Endpoint>, "endpoint" | "group">

/** What answers each endpoint of a group; a failure is an answer too. */
export type Handlers<Group> = {
  readonly [Endpoint in HttpApiGroup.Endpoints<Group> as HttpApiEndpoint.Identifier<Endpoint>]: (
    asked: Asked<Endpoint>,
    principal: Principal
  ) => Answer
}

type Groups = typeof AgentApi extends HttpApi.HttpApi<string, infer Group> ? Group : never

/** What answers each group of the API. */
export type AllHandlers = {
  readonly [Group in Groups as HttpApiGroup.Identifier<Group>]: Handlers<Group>
}

/** What is needed of an endpoint's definition to serve it. */
interface Endpoint extends Guarded {
  readonly identifier: string
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: HttpRouter.PathInput
  readonly params: Schema.Top | undefined
  readonly query: Schema.Top | undefined
  readonly headers: Schema.Top | undefined
}

interface Group {
  readonly identifier: string
  readonly endpoints: Readonly<Record<string, Endpoint>>
}

type Refused = AgentError.RuntimeIdInvalid | AgentError.RequestInvalid

const nothing = Result.succeed(undefined)

/** Reads one part of a request by its schema. */
const decoder = (part: "params" | "query" | "headers", schema: Schema.Top | undefined) => {
  if (schema === undefined) return () => nothing
  // No schema of this API needs a service.
  const decode = Schema.decodeUnknownResult(schema as unknown as Schema.ConstraintDecoder<unknown>)
  return (given: Readonly<Record<string, unknown>>): Result.Result<unknown, Refused> =>
    Result.mapError(decode(given), (error) => {
      const { message, path } = faultOf(error)
      return part === "params" && path[0] === "id"
        ? AgentError.RuntimeIdInvalid.of(String(given.id))
        : new AgentError.RequestInvalid({ path, message: `${path.join(".") || part} is wrong: ${message}` })
    })
}

/** Reads a request by the schemas of its endpoint. */
const reader = ({ headers, params, query }: Endpoint) => {
  const decodeParams = decoder("params", params)
  const decodeQuery = decoder("query", query)
  const decodeHeaders = decoder("headers", headers)
  const noQuery = decodeQuery({})
  return (
    context: Context.Context<HttpRouter.Provided>,
    request: HttpServerRequest.HttpServerRequest
  ): Result.Result<unknown, Refused> => {
    const params = decodeParams(Context.get(context, HttpRouter.RouteContext).params)
    if (Result.isFailure(params)) return params
    const given = Context.get(context, HttpServerRequest.ParsedSearchParams)
    const query = Object.keys(given).length === 0 ? noQuery : decodeQuery(given)
    if (Result.isFailure(query)) return query
    const headers = decodeHeaders(request.headers)
    if (Result.isFailure(headers)) return headers
    return Result.succeed({ request, params: params.success, query: query.success, headers: headers.success })
  }
}

/**
 * The routes of the API, each with its handler behind what stands in front of every endpoint: who is asking, whether they
 * may, how often, and what they asked. One step from the router to the handler: a send costs little more than this.
 */
export const layer = <R>(
  handlers: Effect.Effect<AllHandlers, never, R>
): Layer.Layer<never, never, HttpRouter.HttpRouter | CurrentGate | R> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const admit = admission(yield* CurrentGate, yield* Authorization)
      // By its own type each handler takes what its endpoint's schemas make of a request.
      const all = (yield* handlers) as Record<string, Record<string, (asked: unknown, principal: Principal) => Answer>>
      const groups: ReadonlyArray<Group> = Object.values(AgentApi.groups)
      for (const { endpoints, identifier } of groups) {
        for (const endpoint of Object.values(endpoints)) {
          const handle = all[identifier]?.[endpoint.identifier]
          if (handle === undefined)
            return yield* Effect.die(new Error(`${identifier}.${endpoint.identifier} is not handled`))
          const read = reader(endpoint)
          const admitted = admit(endpoint)
          yield* router.add(
            endpoint.method,
            endpoint.path,
            Effect.contextWith((context: Context.Context<HttpRouter.Provided>) => {
              const request = Context.get(context, HttpServerRequest.HttpServerRequest)
              return admitted(request, (principal) => {
                const asked = read(context, request)
                return Result.isFailure(asked)
                  ? Effect.succeed(failure(asked.failure))
                  : Effect.catch(handle(asked.success, principal), (error) => {
                      const answer = Effect.succeed(failure(error))
                      return error._tag === "StoreUnavailable"
                        ? Effect.andThen(Effect.logWarning(error.message), answer)
                        : answer
                    })
              })
            })
          )
        }
      }
    })
  )
