import { type Agent, AgentError } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Effect, Exit, Result, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { CreateRuntime, ForkRuntime, type Runtimes } from "../AgentApi.ts"
import { Authorization, type Principal } from "../Authorization.ts"
import { type Failure, json } from "./answer.ts"
import { parse, read } from "./body.ts"
import { encodeInfo } from "./encodeInfo.ts"
import { openChanges } from "./events.ts"
import { faultOf, orRefuse } from "./fault.ts"
import { CurrentGate } from "./gate.ts"
import { checkOwn, idFor, prefixFor } from "./ownership.ts"
import { parseTime } from "./parseTime.ts"
import type { Handlers } from "./routes.ts"

const decodeCreate = Schema.decodeUnknownResult(Schema.toCodecJson(CreateRuntime))

const decodeFork = Schema.decodeUnknownResult(Schema.toCodecJson(ForkRuntime))

const stateFor = (agent: Agent.Any, state: Schema.Json | undefined): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  if (state === undefined) return Exit.succeed(undefined)
  const decoded = Schema.decodeUnknownExit(Schema.toCodecJson(agent.state))(state)
  return orRefuse(
    decoded,
    ({ message, path }) =>
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

export const runtimes = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  const authorization = yield* Authorization
  const gate = yield* CurrentGate
  const { limits } = gate

  /** The body of a request, by its schema. */
  const readAs = Effect.fnUntraced(function* <A>(
    request: HttpServerRequest.HttpServerRequest,
    decode: (json: unknown) => Result.Result<A, Schema.SchemaError>
  ) {
    const body = yield* read(request, limits, false)
    const decoded = decode(yield* parse(body.text, limits.jsonDepth))
    if (Result.isSuccess(decoded)) return decoded.success
    const { message, path } = faultOf(decoded.failure)
    return yield* new AgentError.RequestInvalid({
      path,
      message: `${path.join(".") || "The body"} is wrong: ${message}`
    })
  })

  const created = Effect.fnUntraced(function* (runtime: AgentRuntime.AgentRuntime) {
    const info = yield* runtime.info
    return json(encodeInfo(runtime.agent, info), 201, { location: `/v1/runtimes/${runtime.id}` })
  })

  const hold = Effect.fnUntraced(function* (
    principal: Principal,
    id: string,
    epoch: number | undefined,
    change: (runtime: AgentRuntime.AgentRuntime) => Effect.Effect<void, Failure>
  ) {
    const runtime = yield* find(manager, principal, id, epoch)
    yield* change(runtime)
    return yield* showInfo(runtime)
  })

  return {
    create: Effect.fnUntraced(function* ({ request }, principal) {
      const { agent: name, id: given, state } = yield* readAs(request, decodeCreate)
      const id = yield* idFor(principal, given)
      const agent = (yield* manager.agents).find((agent) => agent.name === name)
      if (agent === undefined) return yield* AgentError.AgentNotFound.of(name)
      return yield* created(yield* manager.create(agent, { id, state: yield* stateFor(agent, state) }))
    }),
    list: Effect.fnUntraced(function* ({ query }, principal) {
      const prefix = prefixFor(principal, query.prefix)
      if (prefix === undefined) return json({ items: [] })
      const page = yield* manager.list({ ...query, prefix })
      const agents = new Map((yield* manager.agents).map((agent) => [agent.name, agent]))
      return json({ ...page, items: page.items.map((info) => encodeInfo(agents.get(info.agent), info)) })
    }),
    info: ({ params, query }, principal) => Effect.flatMap(find(manager, principal, params.id, query.epoch), showInfo),
    changes: Effect.fnUntraced(function* ({ params, query, request }, principal) {
      const runtime = yield* find(manager, principal, params.id, query.epoch)
      return yield* openChanges({ gate, authorization, principal, headers: request.headers }, runtime)
    }),
    terminate: Effect.fnUntraced(function* ({ params, query }, principal) {
      const grace = query.grace === undefined ? undefined : yield* parseTime("grace", query.grace)
      const options = { mode: query.mode, grace }
      if (query.epoch === undefined) {
        yield* checkOwn(principal, params.id)
        yield* manager.terminate(params.id, options)
      } else yield* (yield* find(manager, principal, params.id, query.epoch)).terminate(options)
      return HttpServerResponse.empty()
    }),
    fork: Effect.fnUntraced(function* ({ params, query, request }, principal) {
      const { at, id: given } = yield* readAs(request, decodeFork)
      const id = yield* idFor(principal, given)
      const runtime = yield* find(manager, principal, params.id, query.epoch)
      return yield* created(yield* manager.fork(runtime.id, { at, id }))
    }),
    purge: Effect.fnUntraced(function* ({ params, query }, principal) {
      // With an epoch: not a later life of the same id.
      if (query.epoch === undefined) yield* checkOwn(principal, params.id)
      else yield* find(manager, principal, params.id, query.epoch)
      yield* manager.purge(params.id)
      return HttpServerResponse.empty()
    }),
    pause: ({ params, query }, principal) => hold(principal, params.id, query.epoch, (runtime) => runtime.pause),
    resume: ({ params, query }, principal) => hold(principal, params.id, query.epoch, (runtime) => runtime.resume)
  } satisfies Handlers<typeof Runtimes>
})
