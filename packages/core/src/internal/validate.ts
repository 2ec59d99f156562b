import { ActivityId, AgentError, Priority, Timestamp } from "@agent-runtime/schema"
import type { SendOptions } from "../AgentRuntime.ts"

/** The first fault of the options of a send, if any; what they say beside the payload is bounded by `limit` bytes too. */
export const checkOptions = (
  options: SendOptions | undefined,
  limit: number
): AgentError.ActivityInvalid | undefined => {
  if (options === undefined) return undefined
  const { correlationId, deliverAt, expiresAt, id, metadata, priority, source } = options
  if (id !== undefined && !ActivityId.isActivityId(id)) {
    return AgentError.ActivityInvalid.of(["id"], `An activity id is 1 to 128 letters, digits, "_", ".", ":" or "-"`)
  }
  if (priority !== undefined && !Priority.priorities.includes(priority)) {
    return AgentError.ActivityInvalid.of(["priority"], `A priority is ${Priority.priorities.join(", ")}`)
  }
  if (deliverAt !== undefined && !Timestamp.isTimestamp(deliverAt)) {
    return AgentError.ActivityInvalid.of(["deliverAt"], "deliverAt is a time in milliseconds since the Unix epoch")
  }
  if (expiresAt !== undefined && !Timestamp.isTimestamp(expiresAt)) {
    return AgentError.ActivityInvalid.of(["expiresAt"], "expiresAt is a time in milliseconds since the Unix epoch")
  }
  if (correlationId !== undefined && !isText(correlationId, limit)) return notText("correlationId", limit)
  if (source !== undefined && !isText(source, limit)) return notText("source", limit)
  if (metadata === undefined) return undefined
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    return AgentError.ActivityInvalid.of(["metadata"], "metadata is an object whose fields are strings")
  }
  for (const key of Object.keys(metadata)) {
    if (typeof metadata[key] !== "string") {
      return AgentError.ActivityInvalid.of(["metadata", key], "metadata is an object whose fields are strings")
    }
  }
  return fits(metadata, limit)
    ? undefined
    : AgentError.ActivityInvalid.of(["metadata"], `metadata is larger than ${limit} bytes`)
}

const isText = (value: unknown, limit: number): boolean => typeof value === "string" && fits(value, limit + 2)

const notText = (name: string, limit: number): AgentError.ActivityInvalid =>
  AgentError.ActivityInvalid.of([name], `${name} is a string of at most ${limit} bytes`)

/** Fails a payload whose JSON would be larger than `limit` bytes, or nests deeper than any JSON should. */
export const checkPayload = (payload: unknown, limit: number): AgentError.ActivityInvalid | undefined =>
  fits(payload, limit)
    ? undefined
    : AgentError.ActivityInvalid.of(
        ["payload"],
        `The payload is larger than ${limit} bytes, or nests deeper than ${depth}`
      )

const depth = 128

/** Whether the JSON of a value has at most `limit` bytes, estimated, and does not nest too deep. */
const fits = (value: unknown, limit: number): boolean =>
  // Most are far smaller: only what may be too large is counted.
  measure(value, limit, 0, false) >= 0 || measure(value, limit, 0, true) >= 0

/** What is left of `budget` bytes after a text, of which no character takes more than three. */
const afterText = (text: string, budget: number, exact: boolean): number =>
  budget - (exact && text.length <= budget ? bytesOf(text) : text.length * 3)

/** How many bytes a text takes in UTF-8: half a surrogate pair takes two. */
const bytesOf = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}

/** What is left of `budget` bytes after a value; negative when it is used up. */
const measure = (value: unknown, budget: number, level: number, exact: boolean): number => {
  if (budget < 0 || level > depth) return -1
  if (typeof value === "string") return afterText(value, budget - 2, exact)
  if (typeof value !== "object" || value === null) return budget - 8
  let left = budget - 2
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    for (const item of value) {
      left = measure(item, left - 1, level + 1, exact)
      if (left < 0) return -1
    }
    return left
  }
  if (ArrayBuffer.isView(value)) return left - value.byteLength
  for (const key in value) {
    left = measure((value as Record<string, unknown>)[key], afterText(key, left - 4, exact), level + 1, exact)
    if (left < 0) return -1
  }
  return left
}
