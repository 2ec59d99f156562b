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
) {
  static readonly of = () => new Unauthorized({ message: "Send a valid token: authorization: Bearer <token>" })
}

/** The request is understood and refused. @category errors @since 0.1.0 */
export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { message: Schema.String },
  { httpApiStatus: 403 }
) {
  static readonly of = (message: string) => new Forbidden({ message })
}

/** The body is larger than `limit` bytes, or holds more than `limit` activities. @category errors @since 0.1.0 */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()(
  "PayloadTooLarge",
  { message: Schema.String, limit: Schema.Int },
  { httpApiStatus: 413 }
) {
  static readonly of = (limit: number) =>
    new PayloadTooLarge({ limit, message: `A body holds at most ${limit} bytes: send less at once` })
  static readonly ofActivities = (limit: number) =>
    new PayloadTooLarge({ limit, message: `A body holds at most ${limit} activities: send fewer at once` })
}

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
) {
  static readonly of = () => new ShuttingDown({ message: "This server is shutting down: try another, or later" })
}

/**
 * What a client is told when a server cannot be reached, gives up, or answers with nothing this API knows.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApiUnavailable extends Schema.TaggedError<ApiUnavailable>()("ApiUnavailable", { message: Schema.String }) {
  static readonly of = (message: string) => new ApiUnavailable({ message })
}
