import type { ActivityType, AgentRuntimeState, Receipt } from "@agent-runtime/schema"
import { Exit, Option, Schema } from "effect"
import { HttpServerResponse } from "effect/http"

/** An error with a schema of its own: one of `AgentError` or `ApiError`. */
export interface Failure {
  readonly _tag: string
  readonly message: string
}

interface FailureClass {
  readonly fields: Readonly<Record<string, unknown>>
}

interface Shape {
  readonly status: number
  readonly keys: ReadonlyArray<string>
}

const shapes = new WeakMap<object, Shape>()

/** How an error is answered: its status, and the fields of its schema. Nothing else of it leaves the server. */
const shapeOf = (error: Failure): Shape => {
  const type: unknown = error.constructor
  let shape = shapes.get(error.constructor)
  if (shape === undefined) {
    shape = Schema.isSchema(type)
      ? {
          status: Number(Schema.resolveAnnotations(type)?.httpApiStatus ?? 500),
          keys: Object.keys((type as unknown as FailureClass).fields).filter((key) => key !== "_tag")
        }
      : { status: 500, keys: [] }
    shapes.set(error.constructor, shape)
  }
  return shape
}

/** Seconds after which what was refused for want of room may be tried again. */
const retryAfter = (error: Failure): string | undefined => {
  switch (error._tag) {
    case "MailboxFull":
    case "TooManyRequests":
    case "StoreUnavailable":
    case "ShuttingDown":
      return "1"
    case "TooManyRuntimes":
      return "10"
    default:
      return undefined
  }
}

export const failureToJson = (error: Failure): Record<string, unknown> => {
  const json: Record<string, unknown> = { _tag: error._tag }
  for (const key of shapeOf(error).keys) {
    const value = (error as unknown as Record<string, unknown>)[key]
    if (value !== undefined) json[key] = value
  }
  // Its message is for who runs the server: it may name files and hosts.
  if (error._tag === "StoreUnavailable") json.message = "The store of the server is unavailable: try again later"
  return json
}

export const failure = (error: Failure): HttpServerResponse.HttpServerResponse => {
  const headers: Record<string, string> = {}
  const after = retryAfter(error)
  if (after !== undefined) headers["retry-after"] = after
  if (error._tag === "Unauthorized") headers["www-authenticate"] = `Bearer realm="agent-runtime"`
  if ("allow" in error && Array.isArray(error.allow)) headers.allow = error.allow.join(", ")
  return text(JSON.stringify(failureToJson(error)), shapeOf(error).status, headers)
}

const text = (
  body: string,
  status: number,
  headers?: Record<string, string>
): HttpServerResponse.HttpServerResponse => {
  const response = HttpServerResponse.text(body, { status, contentType: "application/json" })
  // They were made for this response: given as an option they would be copied twice.
  Object.assign(response.headers, headers)
  return response
}

export const json = (
  value: unknown,
  status = 200,
  headers?: Record<string, string>
): HttpServerResponse.HttpServerResponse => text(stringify(value), status, headers)

/** A schema such as `Schema.Any` says of everything that it is JSON; a `bigint`, which is not, is told as text. */
export const stringify = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))
  }
}

/** A value that no schema says how to encode: as it is where JSON has it, else as text. */
export const jsonOf = (value: unknown): unknown => {
  try {
    return JSON.stringify(value) === undefined ? null : value
  } catch {
    return String(value)
  }
}

/** A value in JSON by its schema; runtimes made from closures may have what does not fit it. */
export const encoder = (schema: ActivityType.PureCodec): ((value: unknown) => unknown) => {
  if (schema.ast._tag === "Void") return () => null
  const encode = Schema.encodeUnknownExit(Schema.toCodecJson(schema))
  return (value) => Option.getOrElse(Exit.getSuccess(encode(value)), () => jsonOf(value))
}

let lastMillis = Number.NaN
let lastText = ""

/** ISO 8601 in UTC. What happens together often happens in the same millisecond. */
export const isoTime = (millis: number): string => {
  if (millis !== lastMillis) {
    lastText = new Date(millis).toISOString()
    lastMillis = millis
  }
  return lastText
}

export const receiptToJson = (receipt: Receipt.Receipt): unknown => ({
  ...receipt,
  acceptedAt: isoTime(receipt.acceptedAt)
})

const activityPath = (receipt: Receipt.Receipt): string =>
  `/v1/runtimes/${receipt.runtimeId}/activities/${receipt.activityId}`

/** 202 while the activity has yet to end, 200 once it has. */
export const receipt = (value: Receipt.Receipt): HttpServerResponse.HttpServerResponse =>
  json(receiptToJson(value), value.status === "accepted" || value.status === "running" ? 202 : 200, {
    location: activityPath(value)
  })

/** What a runtime says of itself, with its state as `encoded`. */
export const infoToJson = (info: AgentRuntimeState.RuntimeInfo, encoded: unknown): unknown => ({
  ...info,
  state: encoded,
  subscribers: info.subscribers.map((subscriber) => ({ ...subscriber, connectedAt: isoTime(subscriber.connectedAt) })),
  ...(info.lastError === undefined ? {} : { lastError: { ...info.lastError, at: isoTime(info.lastError.at) } })
})
