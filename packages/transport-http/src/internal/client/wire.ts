import type { AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import {
  type ActivityType,
  type Agent,
  AgentError,
  AgentEvent,
  AgentRuntimeState,
  Receipt,
  Timestamp
} from "@agent-runtime/schema"
import { Effect, Exit, Schema, SchemaParser } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
import { orRefuse } from "../fault.ts"

/** Reads what a server answers, by its schema. */
export const decoder = <A>(schema: Schema.ConstraintCodec<A, unknown, never, never>) => {
  const decode = Schema.decodeUnknownExit(Schema.toCodecJson(schema))
  return (json: unknown): Exit.Exit<A, ApiUnavailable> =>
    orRefuse(decode(json), ({ message, path }) =>
      ApiUnavailable.of(`The server's answer is wrong at ${["$", ...path].join(".")}: ${message}`)
    )
}

export const decodeReceipt = decoder(Receipt.Receipt)

const isTyped = (request: AgentRuntime.WireRequest): request is ActivityType.ActivityRequest<ActivityType.Any> =>
  "activityType" in request

const encodeTime = Schema.encodeSync(Timestamp.Timestamp)

/** A request made by `ActivityType.make` is validated here, as core does; a plain one is left to the server. */
const encodePayload = (request: AgentRuntime.WireRequest): Exit.Exit<unknown, AgentError.ActivityInvalid> => {
  if (!isTyped(request)) return checkJson(request)
  const schema = request.activityType.payload
  if (schema.ast._tag === "Void") return Exit.succeed(undefined)
  const made = Effect.runSyncExit(
    Effect.flatMap(
      SchemaParser.makeEffect(schema)(request.payload),
      SchemaParser.encodeUnknownEffect(Schema.toCodecJson(schema))
    )
  )
  return orRefuse(made, ({ message, path }) =>
    AgentError.ActivityInvalid.of(["payload", ...path], `The payload of "${request.type}" is wrong: ${message}`)
  )
}

/** What `POST /activities` takes. */
export const encodeSend = (
  request: AgentRuntime.WireRequest,
  options: AgentRuntime.SendOptions
): Exit.Exit<Record<string, unknown>, AgentError.ActivityInvalid> => {
  const { correlationId, deliverAt, expiresAt, id, metadata, priority, source } = options
  const times: Record<string, string> = {}
  for (const [name, millis] of Object.entries({ deliverAt, expiresAt })) {
    if (millis === undefined) continue
    if (!Timestamp.isTimestamp(millis)) {
      return Exit.fail(AgentError.ActivityInvalid.of([name], `${name} is a time in milliseconds since the Unix epoch`))
    }
    times[name] = encodeTime(millis)
  }
  return Exit.map(encodePayload(request), (payload) => ({
    type: request.type,
    payload,
    id,
    priority,
    correlationId,
    source,
    metadata,
    ...times
  }))
}

const checkJson = ({ payload, type }: AgentRuntime.WireRequest): Exit.Exit<unknown, AgentError.ActivityInvalid> => {
  try {
    JSON.stringify(payload)
    return Exit.succeed(payload)
  } catch {
    return Exit.fail(AgentError.ActivityInvalid.of(["payload"], `The payload of "${type}" is no JSON`))
  }
}

const decodeOutcomeError = Schema.decodeUnknownExit(Schema.toCodecJson(AgentError.OutcomeError))

/** What the type declares, as it was before it went over the wire: itself, or under `value` where it is no object. */
const decodeDeclared = (schema: ActivityType.PureCodec, error: Receipt.ErrorJson): Exit.Exit<unknown, unknown> => {
  const decode = Schema.decodeUnknownExit(Schema.toCodecJson(schema))
  const decoded = decode(error)
  return Exit.isSuccess(decoded) ? decoded : decode(error.value)
}

/** Whether an error says what became of just this activity. */
const isAbout = (error: AgentError.OutcomeError, { activityId, runtimeId }: Receipt.Receipt): boolean =>
  "activityId" in error ? error.activityId === activityId : error.id === runtimeId

/** What an ask is answered with, by the receipt of the activity that has ended. */
export const outcome = (request: AgentRuntime.WireRequest, receipt: Receipt.Receipt): Exit.Exit<unknown, unknown> => {
  const type = isTyped(request) ? request.activityType : undefined
  if (receipt.status === "succeeded") {
    if (type === undefined) return Exit.succeed(receipt.reply)
    return type.success.ast._tag === "Void" ? Exit.succeed(undefined) : decoder(type.success)(receipt.reply)
  }
  const error = receipt.error ?? { _tag: "Error", message: `The activity ${receipt.status}` }
  const system = decodeOutcomeError(error)
  // A schema that takes any error would take this one too.
  if (Exit.isSuccess(system) && isAbout(system.value, receipt)) return Exit.fail(system.value)
  if (type !== undefined && receipt.status === "failed") {
    const declared = decodeDeclared(type.error, error)
    if (Exit.isSuccess(declared)) return Exit.fail(declared.value)
  }
  return Exit.fail(Exit.isSuccess(system) ? system.value : error)
}

type DecodeEvent = (json: unknown) => Exit.Exit<AgentEvent.AgentEvent, unknown>

/** How the events are read of agents that say less than their events. */
const eventDecoders = new WeakMap<Agent.Any, DecodeEvent>()

export const decodeEventsBy = (agent: Agent.Any, decode: DecodeEvent): void => void eventDecoders.set(agent, decode)

export const eventDecoder = (agent: Agent.Any): DecodeEvent =>
  eventDecoders.get(agent) ?? Schema.decodeUnknownExit(AgentEvent.codec(agent))

const decodePage = decoder(
  Schema.Struct({ items: Schema.Array(AgentRuntimeState.RuntimeInfo), nextCursor: Schema.optionalKey(Schema.String) })
)

export const toPage = (json: unknown): Exit.Exit<RuntimeManager.Page, ApiUnavailable> => decodePage(json)

/** The first state of a runtime in JSON. */
export const encodeState = (agent: Agent.Any, state: unknown): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  if (state === undefined) return Exit.succeed(undefined)
  const encoded = Schema.encodeUnknownExit(Schema.toCodecJson(agent.state))(state)
  return orRefuse(
    encoded,
    ({ message, path }) =>
      new AgentError.RequestInvalid({
        path: ["state", ...path],
        message: `The first state of "${agent.name}" does not fit its schema: ${message}`
      })
  )
}
