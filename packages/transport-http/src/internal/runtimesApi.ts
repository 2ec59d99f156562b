import { type Agent, AgentError } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Effect, Exit, Result, Schema } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AgentApi, CreateRuntime, CurrentPrincipal, ForkRuntime } from "../AgentApi.ts"
import { Authorization, type Principal } from "../Authorization.ts"
import { type Failure, failure, json } from "./answer.ts"
import { parse, read } from "./body.ts"
import { encodeInfo } from "./encodeInfo.ts"
import { openChanges } from "./events.ts"
import { faultOf } from "./fault.ts"
import { CurrentGate } from "./gate.ts"
import { checkOwn, idFor, prefixFor } from "./ownership.ts"
import { parseTime } from "./parseTime.ts"

/** Every failure that is declared is an answer. */
export const answered = <R>(
  effect: Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
  Effect.catch(effect, (error) => Effect.succeed(failure(error)))

const decodeCreate = Schema.decodeUnknownResult(Schema.toCodecJson(CreateRuntime))

const decodeFork = Schema.decodeUnknownResult(Schema.toCodecJson(ForkRuntime))

const stateFor = (agent: Agent.Any, state: Schema.Json | undefined): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  if (state === undefined) return Exit.succeed(undefined)
  const decoded = Schema.decodeUnknownResult(Schema.toCodecJson(agent.state))(state)
  if (Result.isSuccess(decoded)) return Exit.succeed(decoded.success)
  const { message, path } = faultOf(decoded.failure.issue)
  return Exit.fail(
    new AgentError.RequestInvalid({ path: ["state", ...path], message: `The state is wrong: ${message}` })
  )
}

/** Finds a runtime, as far as it is the principal's own, and of the epoch that is asked for. */
export const find = (
  manager: RuntimeManager.RuntimeManager["Service"],
  principal: Principal,
  id: string,
  epoch: number | undefined
): Effect.Effect<AgentRuntime.AgentRuntime, RuntimeManager.FindError> => {
  const own = checkOwn(principal, id)
  if (Exit.isFailure(own)) return Exit.failCause(own.cause)
  const found = manager.get(id)
  if (epoch === undefined) return found
  return Effect.flatMap(found, (runtime) =>
    runtime.epoch === epoch ? Exit.succeed(runtime) : Exit.fail(AgentError.AgentRuntimeNotFound.of(id))
  )
}

const showInfo = (runtime: AgentRuntime.AgentRuntime) =>
  Effect.map(runtime.info, (info) => json(encodeInfo(runtime.agent, info)))

export const layer = HttpApiBuilder.group(
  AgentApi,
  "runtimes",
  Effect.fnUntraced(function* (handlers) {
    const manager = yield* RuntimeManager.RuntimeManager
    const authorization = yield* Authorization
    const gate = yield* CurrentGate
    const { limits } = gate

    /** The body of a request, by its schema. */
    const readAs = Effect.fnUntraced(function* <A>(decode: (json: unknown) => Result.Result<A, Schema.SchemaError>) {
      const body = yield* read(yield* HttpServerRequest.HttpServerRequest, limits, false)
      const decoded = decode(yield* parse(body.text, limits.jsonDepth))
      if (Result.isSuccess(decoded)) return decoded.success
      const { message, path } = faultOf(decoded.failure.issue)
      return yield* new AgentError.RequestInvalid({
        path,
        message: `${path.join(".") || "The body"} is wrong: ${message}`
      })
    })

    const created = Effect.fnUntraced(function* (runtime: AgentRuntime.AgentRuntime) {
      const info = yield* runtime.info
      return json(encodeInfo(runtime.agent, info), 201, { location: `/v1/runtimes/${runtime.id}` })
    })

    const create = Effect.gen(function* () {
      const { agent: name, id: given, state } = yield* readAs(decodeCreate)
      const id = yield* idFor(yield* CurrentPrincipal, given)
      const agent = (yield* manager.agents).find((agent) => agent.name === name)
      if (agent === undefined) return yield* AgentError.AgentNotFound.of(name)
      return yield* created(yield* manager.create(agent, { id, state: yield* stateFor(agent, state) }))
    })

    const fork = Effect.fnUntraced(function* (from: string, epoch: number | undefined) {
      const { at, id: given } = yield* readAs(decodeFork)
      const principal = yield* CurrentPrincipal
      const id = yield* idFor(principal, given)
      const runtime = yield* find(manager, principal, from, epoch)
      return yield* created(yield* manager.fork(runtime.id, { at, id }))
    })

    const hold = (
      id: string,
      epoch: number | undefined,
      change: (runtime: AgentRuntime.AgentRuntime) => Effect.Effect<void, Failure>
    ) =>
      Effect.gen(function* () {
        const runtime = yield* find(manager, yield* CurrentPrincipal, id, epoch)
        yield* change(runtime)
        return yield* showInfo(runtime)
      })

    return handlers
      .handleRaw("create", () => answered(create))
      .handle("list", ({ query }) =>
        answered(
          Effect.gen(function* () {
            const prefix = prefixFor(yield* CurrentPrincipal, query.prefix)
            if (prefix === undefined) return json({ items: [] })
            const page = yield* manager.list({ ...query, prefix })
            const agents = new Map((yield* manager.agents).map((agent) => [agent.name, agent]))
            return json({ ...page, items: page.items.map((info) => encodeInfo(agents.get(info.agent), info)) })
          })
        )
      )
      .handle("info", ({ params, query }) =>
        answered(
          Effect.flatMap(CurrentPrincipal, (principal) =>
            Effect.flatMap(find(manager, principal, params.id, query.epoch), showInfo)
          )
        )
      )
      .handle("changes", ({ params, query, request }) =>
        answered(
          Effect.gen(function* () {
            const principal = yield* CurrentPrincipal
            const runtime = yield* find(manager, principal, params.id, query.epoch)
            return yield* openChanges({ gate, authorization, principal, headers: request.headers }, runtime)
          })
        )
      )
      .handle("terminate", ({ params, query }) =>
        answered(
          Effect.gen(function* () {
            const runtime = yield* find(manager, yield* CurrentPrincipal, params.id, query.epoch)
            const grace = query.grace === undefined ? undefined : yield* parseTime("grace", query.grace)
            yield* runtime.terminate({ mode: query.mode, grace })
            return HttpServerResponse.empty()
          })
        )
      )
      .handleRaw("fork", ({ params, query }) => answered(fork(params.id, query.epoch)))
      .handle("purge", ({ params }) =>
        answered(
          Effect.gen(function* () {
            yield* checkOwn(yield* CurrentPrincipal, params.id)
            yield* manager.purge(params.id)
            return HttpServerResponse.empty()
          })
        )
      )
      .handle("pause", ({ params, query }) => answered(hold(params.id, query.epoch, (runtime) => runtime.pause)))
      .handle("resume", ({ params, query }) => answered(hold(params.id, query.epoch, (runtime) => runtime.resume)))
  })
)
