import { AgentError, Priority, Timestamp } from "@agent-runtime/schema"
import type { SendOptions } from "../AgentRuntime.ts"

const activityId = /^[A-Za-z0-9_.:-]{1,128}$/

/** The first fault of the options of a send, if any. */
export const checkOptions = (options: SendOptions | undefined): AgentError.ActivityInvalid | undefined => {
  if (options === undefined) return undefined
  const { deliverAt, expiresAt, id, priority } = options
  if (id !== undefined && !activityId.test(id)) {
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
  return undefined
}

/** Fails a payload whose JSON would be larger than `limit` bytes, or nests deeper than any JSON should. */
export const checkPayload = (payload: unknown, limit: number): AgentError.ActivityInvalid | undefined =>
  measure(payload, limit, 0) < 0
    ? AgentError.ActivityInvalid.of(
        ["payload"],
        `The payload is larger than ${limit} bytes, or nests deeper than ${depth}`
      )
    : undefined

const depth = 128

/** What is left of `budget` bytes after a value, estimated cheaply; negative when it is used up. */
const measure = (value: unknown, budget: number, level: number): number => {
  if (budget < 0 || level > depth) return -1
  if (typeof value === "string") return budget - value.length - 2
  if (typeof value !== "object" || value === null) return budget - 8
  let left = budget - 2
  if (Array.isArray(value)) {
    for (const item of value) {
      left = measure(item, left - 1, level + 1)
      if (left < 0) return -1
    }
    return left
  }
  if (ArrayBuffer.isView(value)) return left - value.byteLength
  for (const key in value) {
    left = measure((value as Record<string, unknown>)[key], left - key.length - 4, level + 1)
    if (left < 0) return -1
  }
  return left
}
