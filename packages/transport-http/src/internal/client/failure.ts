import { AgentError } from "@agent-runtime/schema"
import { Result, Schema } from "effect"
import * as ApiError from "../../ApiError.ts"

type Exported = (typeof AgentError)[keyof typeof AgentError]
const isSchema = Schema.isSchema as (value: Exported) => value is Extract<Exported, Schema.Top>

/** Every error that the API may answer with. */
const Known = Schema.Union([
  ...Object.values(AgentError).filter(isSchema),
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
