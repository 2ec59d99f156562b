import { AgentError } from "@agent-runtime/schema"
import { Result, Schema } from "effect"
import * as ApiError from "../../ApiError.ts"

/** Every error that the API answers with. */
const Known = Schema.Union([
  AgentError.RuntimeIdInvalid,
  AgentError.RequestInvalid,
  AgentError.ActivityInvalid,
  AgentError.CursorInvalid,
  AgentError.AgentNotFound,
  AgentError.AgentRuntimeNotFound,
  AgentError.ActivityNotFound,
  AgentError.AgentRuntimeAlreadyExists,
  AgentError.ActivityConflict,
  AgentError.AgentRuntimeBusy,
  AgentError.AgentRuntimeTerminated,
  AgentError.EpochMismatch,
  AgentError.MailboxFull,
  AgentError.TooManyRuntimes,
  AgentError.StateUnreadable,
  AgentError.StoreUnavailable,
  ApiError.Unauthorized,
  ApiError.Forbidden,
  ApiError.PayloadTooLarge,
  ApiError.TooManyRequests,
  ApiError.ShuttingDown
])

export type Failure = typeof Known.Type | ApiError.ApiUnavailable

const decode = Schema.decodeUnknownResult(Schema.toCodecJson(Known))

/** The error that a body of JSON says, or that the answer was none of this API. */
export const toFailure = (status: number, body: unknown): Failure =>
  Result.getOrElse(decode(body), () => ApiError.ApiUnavailable.of(`The server answered with status ${status}`))
