/**
 * The errors that HTTP adds to those of `@agent-runtime/schema`: who is asking, what was asked, how much of it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

export { InternalError, MethodNotAllowed, RouteNotFound, UnsupportedMediaType } from "./internal/refusals.ts"

/** No credentials, or none that this server knows. @category errors @since 0.1.0 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message: Schema.String },
  { httpApiStatus: 401 }
) {}

/** The request is understood and refused. @category errors @since 0.1.0 */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { message: Schema.String },
  { httpApiStatus: 403 }
) {}

/** The body is larger than `limit` bytes, or holds more than `limit` activities. @category errors @since 0.1.0 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()(
  "PayloadTooLarge",
  { message: Schema.String, limit: Schema.Int },
  { httpApiStatus: 413 }
) {}

/** More at once, or more in a second, than this principal may; `what` names the limit. @category errors @since 0.1.0 */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()(
  "TooManyRequests",
  { message: Schema.String, what: Schema.Literals(["requests", "connections", "streams"]), limit: Schema.Finite },
  { httpApiStatus: 429 }
) {}

/** The server is going down and takes no new work. @category errors @since 0.1.0 */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()(
  "ShuttingDown",
  { message: Schema.String },
  { httpApiStatus: 503 }
) {}

/**
 * What a client is told when a server cannot be reached, gives up, or answers with nothing this API knows.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApiUnavailable extends Schema.TaggedError<ApiUnavailable>()("ApiUnavailable", { message: Schema.String }) {
  static readonly of = (message: string) => new ApiUnavailable({ message })
}
