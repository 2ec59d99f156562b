import { type Agent, AgentError, type AgentRuntimeState } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Effect, Exit, Random, Result, Schema } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AgentApi, CreateRuntime, CurrentPrincipal } from "../AgentApi.ts"
import { Forbidden } from "../ApiError.ts"
import type { Principal } from "../Authorization.ts"
import { checkOwn, faultOf } from "./access.ts"
import { type Failure, failure, infoToJson, json } from "./answer.ts"
import { parse, read } from "./body.ts"
import { CurrentGate } from "./gate.ts"

/** Every failure that is declared is an answer. */
export const answered = <R>(
  effect: Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
  Effect.catch(effect, (error) => Effect.succeed(failure(error)))

const decodeCreate = Schema.decodeUnknownResult(Schema.toCodecJson(CreateRuntime))

const encoders = new WeakMap<Agent.Any, (info: AgentRuntimeState.RuntimeInfo) => unknown>()

/** A runtime's info in JSON, its state by the agent's schema. */
export const encodeInfo = (agent: Agent.Any | undefined, info: AgentRuntimeState.RuntimeInfo): unknown => {
  if (agent === undefined) return infoToJson(info, info.state)
  let encode = encoders.get(agent)
  if (encode === undefined) {
    const toJson = Schema.encodeUnknownResult(Schema.toCodecJson(agent.state))
    encode = (info) =>
      infoToJson(
        info,
        Result.getOrElse(toJson(info.state), () => info.state)
      )
    encoders.set(agent, encode)
  }
  return encode(info)
}

const random = Effect.map(Effect.all([Random.nextIntBetween(0, 36 ** 8), Random.nextIntBetween(0, 36 ** 8)]), (parts) =>
  parts.map((part) => part.toString(36).padStart(8, "0")).join("")
)

/** An id is the creator's to choose under its prefix; one made here lies there too. */
const idFor = (principal: Principal, id: string | undefined): Effect.Effect<string | undefined, Forbidden> => {
  if (id !== undefined) {
    return id.startsWith(principal.prefix)
      ? Exit.succeed(id)
      : Exit.fail(Forbidden.of(`Your runtimes have ids that begin with "${principal.prefix}"`))
  }
  return principal.prefix === "" ? Exit.succeed(undefined) : Effect.map(random, (text) => principal.prefix + text)
}

const stateFor = (agent: Agent.Any, state: Schema.Json | undefined): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  if (state === undefined) return Exit.succeed(undefined)
  const decoded = Schema.decodeUnknownResult(Schema.toCodecJson(agent.state))(state)
  if (Result.isSuccess(decoded)) return Exit.succeed(decoded.success)
  const { message, path } = faultOf(decoded.failure.issue)
  return Exit.fail(
    new AgentError.RequestInvalid({ path: ["state", ...path], message: `The state is wrong: ${message}` })
  )
}

/** Finds a runtime, as far as it is the principal's own. */
export const find = (
  manager: RuntimeManager.RuntimeManager["Service"],
  principal: Principal,
  id: string
): Effect.Effect<AgentRuntime.AgentRuntime, RuntimeManager.FindError> => {
  const own = checkOwn(principal, id)
  return Exit.isFailure(own) ? Exit.failCause(own.cause) : manager.get(id)
}

const showInfo = (runtime: AgentRuntime.AgentRuntime) =>
  Effect.map(runtime.info, (info) => json(encodeInfo(runtime.agent, info)))

export const layer = HttpApiBuilder.group(
  AgentApi,
  "runtimes",
  Effect.fnUntraced(function* (handlers) {
    const manager = yield* RuntimeManager.RuntimeManager
    const { limits } = yield* CurrentGate

    const create = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const principal = yield* CurrentPrincipal
      const body = yield* read(request, limits, false)
      const decoded = decodeCreate(yield* parse(body.text, limits.jsonDepth))
      if (Result.isFailure(decoded)) {
        const { message, path } = faultOf(decoded.failure.issue)
        return yield* new AgentError.RequestInvalid({
          path,
          message: `${path.join(".") || "The body"} is wrong: ${message}`
        })
      }
      const { agent: name, id: given, state } = decoded.success
      const id = yield* idFor(principal, given)
      const agent = (yield* manager.agents).find((agent) => agent.name === name)
      if (agent === undefined) return yield* AgentError.AgentNotFound.of(name)
      const runtime = yield* manager.create(agent, { id, state: yield* stateFor(agent, state) })
      const info = yield* runtime.info
      return json(encodeInfo(agent, info), 201, { location: `/v1/runtimes/${runtime.id}` })
    })

    const hold = (id: string, change: (runtime: AgentRuntime.AgentRuntime) => Effect.Effect<void, Failure>) =>
      Effect.gen(function* () {
        const runtime = yield* find(manager, yield* CurrentPrincipal, id)
        yield* change(runtime)
        return yield* showInfo(runtime)
      })

    return handlers
      .handleRaw("create", () => answered(create))
      .handle("list", ({ query }) =>
        answered(
          Effect.gen(function* () {
            const { prefix } = yield* CurrentPrincipal
            const page = yield* manager.list({ ...query, prefix })
            const agents = new Map((yield* manager.agents).map((agent) => [agent.name, agent]))
            return json({ ...page, items: page.items.map((info) => encodeInfo(agents.get(info.agent), info)) })
          })
        )
      )
      .handle("info", ({ params }) =>
        answered(
          Effect.flatMap(CurrentPrincipal, (principal) => Effect.flatMap(find(manager, principal, params.id), showInfo))
        )
      )
      .handle("terminate", ({ params, query }) =>
        answered(
          Effect.gen(function* () {
            yield* checkOwn(yield* CurrentPrincipal, params.id)
            yield* manager.terminate(params.id, { mode: query.mode })
            return HttpServerResponse.empty()
          })
        )
      )
      .handle("pause", ({ params }) => answered(hold(params.id, (runtime) => runtime.pause)))
      .handle("resume", ({ params }) => answered(hold(params.id, (runtime) => runtime.resume)))
  })
)
