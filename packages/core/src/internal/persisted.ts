/**
 * The JSON in which activities, receipts, dead letters and messages are kept by a store, and how they come back.
 */
import { ActivityId, AgentActivity, AgentRuntimeState, AgentError, Priority, Receipt } from "@agent-runtime/schema"
import { Exit, Schema, Tracer } from "effect"
import type { DeadLetter } from "../AgentRuntime.ts"
import type { LogEntry, Pending } from "../RuntimeStore.ts"
import { Activity, noChain } from "./activity.ts"
import type { Outgoing } from "./attempt.ts"
import { type CompiledType, type Host, LocalType, noHandler } from "./host.ts"
import type { Kernel } from "./kernel.ts"
import type { Outcome } from "./settle.ts"

const optional = Schema.optionalKey

const request = {
  id: ActivityId.ActivityId,
  type: Schema.String,
  payload: optional(Schema.Json),
  correlationId: optional(Schema.String)
}

const sendOptions = {
  expiresAt: optional(Schema.Finite),
  source: optional(Schema.String),
  metadata: optional(Schema.Record(Schema.String, Schema.String))
}

const PendingJson = Schema.Struct({
  ...request,
  ...sendOptions,
  priority: Priority.Priority,
  acceptedAt: Schema.Finite,
  chain: optional(Schema.Array(Schema.String)),
  trace: optional(AgentActivity.TraceContext)
})

const LogJson = Schema.Struct({
  ...request,
  priority: Priority.Priority,
  acceptedAt: Schema.Finite,
  attempts: Schema.Int,
  status: Receipt.Status,
  reply: optional(Schema.Json),
  error: optional(Receipt.ErrorJson)
})

const OutgoingJson = Schema.Struct({
  ...request,
  ...sendOptions,
  runtimeId: Schema.String,
  priority: optional(Priority.Priority),
  deliverAt: optional(Schema.Finite)
})

const DeadJson = Schema.Struct({
  activity: optional(PendingJson),
  outgoing: optional(OutgoingJson),
  attempts: Schema.Int,
  error: Receipt.ErrorJson,
  at: Schema.Finite
})

const InfoJson = Schema.Struct({
  paused: Schema.Boolean,
  failing: Schema.Boolean,
  lastError: optional(Schema.toEncoded(AgentRuntimeState.LastError))
})

/** Drops what is undefined: JSON has no word for it. A copy, for an object that was deleted from is slow ever after. */
const compact = (fields: Readonly<Record<string, unknown>>): Schema.Json => {
  const out: Record<string, unknown> = {}
  for (const key in fields) {
    const value = fields[key]
    if (value !== undefined) out[key] = value
  }
  return out as Schema.Json
}

/** When something is due, as a store keeps it: in whole milliseconds since the Unix epoch. What never is gets the last of them. */
export const encodeDue = (kernel: Kernel, due: number | undefined): number | undefined =>
  due === undefined ? undefined : Math.min(Math.ceil(kernel.startedAt + due), Number.MAX_SAFE_INTEGER)

/** An accepted activity, with its payload in JSON. */
const encodePending = (
  activity: Activity,
  payload: Schema.Json | undefined = activity.kind.encodePayload(activity.payload)
): Schema.Json => {
  const { acceptedAt, chain, correlationId, id, metadata, options, parent, priority, source, type } = activity
  return compact({
    id,
    type,
    payload,
    priority,
    acceptedAt,
    expiresAt: options?.expiresAt,
    correlationId,
    source,
    metadata,
    chain: chain.length === 0 ? undefined : chain,
    trace:
      parent === undefined ? undefined : { traceId: parent.traceId, spanId: parent.spanId, sampled: parent.sampled }
  })
}

/** What the store is told of an activity that is accepted: no attempt of it has begun. */
export const encodeAccepted = (
  activity: Activity,
  payload?: Schema.Json,
  due?: number,
  ahead = false
): Omit<Pending, "position"> => ({
  activity: encodePending(activity, payload),
  attempts: 0,
  crashes: 0,
  failures: 0,
  due,
  ahead
})

/** What the store is told of an activity that waits again after an attempt. */
export const encodeReturned = (
  { attempts, rare: { crashes, failures, position } }: Activity,
  due: number | undefined,
  ahead: boolean
): Omit<Pending, "activity"> => ({ position, attempts, crashes, failures, due, ahead })

/** An ended activity with its receipt. */
export const encodeLogEntry = (activity: Activity, outcome: Outcome): Schema.Json =>
  compact({
    id: activity.id,
    type: activity.type,
    payload: activity.kind.encodePayload(activity.payload),
    priority: activity.priority,
    acceptedAt: activity.acceptedAt,
    attempts: activity.attempts,
    status: outcome.status,
    correlationId: activity.correlationId,
    reply: Exit.isSuccess(outcome.exit) ? activity.kind.encodeReply(outcome.exit.value) : undefined,
    error: outcome.error
  })

export const encodeOutgoing = ({ options, request, runtimeId }: Outgoing): Schema.Json =>
  compact({ runtimeId, type: request.type, payload: request.payload, ...options })

/** A dead letter: an activity, or a message that could not be delivered. */
export const encodeDead = (of: Activity | Outgoing, error: Receipt.ErrorJson, at: number): Schema.Json =>
  compact(
    of instanceof Activity
      ? { activity: encodePending(of), attempts: of.attempts, error, at }
      : { outgoing: encodeOutgoing(of), attempts: 0, error, at }
  )

/** What a runtime keeps beside its state. */
export interface Info {
  readonly paused: boolean
  readonly failing: boolean
  readonly lastError: AgentRuntimeState.LastError | undefined
}

export const encodeInfo = ({ failing, lastError, paused }: Info): Schema.Json =>
  compact({
    paused,
    failing,
    lastError:
      lastError === undefined
        ? undefined
        : Schema.encodeSync(Schema.toCodecJson(AgentRuntimeState.LastError))(lastError)
  })

export const decodeInfo = (json: Schema.Json): Info => {
  const { failing, lastError, paused } = Schema.decodeUnknownSync(InfoJson)(json)
  return {
    failing,
    paused,
    lastError: lastError === undefined ? undefined : Schema.decodeUnknownSync(AgentRuntimeState.LastError)(lastError)
  }
}

/** The type of an activity that comes back; fails with what is wrong where the agent has none such any more. */
const kindOf = (host: Host, type: string): CompiledType => {
  const kind = host.find(type)
  if (kind === undefined) throw new Error(`its agent has no activity "${type}" any more`)
  return kind
}

/** What has ended stays readable where its agent has changed since: then its payload stays JSON. */
const readable = (
  kernel: Kernel,
  host: Host,
  { payload, type }: typeof LogJson.Type
): readonly [CompiledType, unknown] => {
  const kind = host.find(type)
  const found = kind?.decode(payload)
  return kind === undefined || found instanceof AgentError.ActivityInvalid
    ? [new LocalType(kernel, type, noHandler, undefined), payload]
    : [kind, found]
}

const decoded = (kind: CompiledType, payload: unknown): unknown => {
  const result = kind.decode(payload)
  if (result instanceof AgentError.ActivityInvalid) throw new Error(result.message)
  return result
}

const parsePending = Schema.decodeUnknownSync(PendingJson)
const parseLog = Schema.decodeUnknownSync(LogJson)
const parseDead = Schema.decodeUnknownSync(DeadJson)
const parseOutgoing = Schema.decodeUnknownSync(OutgoingJson)

const revive = (kernel: Kernel, host: Host, json: typeof PendingJson.Type): Activity => {
  const { acceptedAt, chain = noChain, payload, priority, trace, type, ...options } = json
  const kind = kindOf(host, type)
  return new Activity(kind, decoded(kind, payload), priority, acceptedAt - kernel.startedAt, {
    id: options.id,
    options,
    chain,
    parent: trace === undefined ? undefined : Tracer.externalSpan(trace)
  })
}

/** Throws what is wrong where it cannot be decoded. */
export const decodePending = (kernel: Kernel, host: Host, pending: Pending): Activity => {
  const activity = revive(kernel, host, parsePending(pending.activity))
  activity.rare.position = pending.position
  activity.attempts = pending.attempts
  activity.rare.crashes = pending.crashes
  activity.rare.failures = pending.failures
  return activity
}

/** Throws what is wrong where it cannot be decoded. */
export const decodeLogEntry = (kernel: Kernel, host: Host, { at, entry, sequence }: LogEntry): Activity => {
  const json = parseLog(entry)
  const [kind, payload] = readable(kernel, host, json)
  const options = json.correlationId === undefined ? undefined : { correlationId: json.correlationId }
  const origin = { id: json.id, options, chain: noChain, parent: undefined }
  const accepted = json.acceptedAt - kernel.startedAt
  const activity = new Activity(kind, payload, json.priority, accepted, origin)
  activity.status = json.status
  activity.attempts = json.attempts
  activity.sequence = sequence
  activity.since = at - kernel.startedAt
  if (json.error !== undefined) activity.rare.error = json.error
  activity.exit =
    json.status === "succeeded" ? Exit.succeed(kind.decodeReply(json.reply)) : Exit.fail(kind.decodeError(json.error))
  return activity
}

export const decodeOutgoing = (json: Schema.Json): Outgoing => {
  const { payload, runtimeId, type, ...options } = parseOutgoing(json)
  return { runtimeId, request: { type, payload }, options }
}

/** Throws what is wrong where it cannot be decoded. */
export const decodeDead = (
  kernel: Kernel,
  host: Host,
  json: Schema.Json
): { letter: DeadLetter; of: Activity | Outgoing } => {
  const { activity, at, attempts, error, outgoing } = parseDead(json)
  if (activity !== undefined) {
    const of = revive(kernel, host, activity)
    of.attempts = attempts
    of.status = "failed"
    of.since = at - kernel.startedAt
    of.rare.error = error
    of.exit = Exit.fail(of.kind.decodeError(error))
    const { id, payload, priority, type } = of
    return { of, letter: { activityId: id, type, payload, priority, attempts, error, at } }
  }
  if (outgoing === undefined) throw new Error("a dead letter is neither an activity nor a message")
  const of = decodeOutgoing(outgoing)
  return { of, letter: deadOutgoing(of, error, at) }
}

/** The dead letter of a message that could not be delivered. */
export const deadOutgoing = (of: Outgoing, error: Receipt.ErrorJson, at: number): DeadLetter => ({
  activityId: of.options.id,
  type: of.request.type,
  payload: of.request.payload,
  priority: of.options.priority ?? "standard",
  attempts: 0,
  error,
  at
})
