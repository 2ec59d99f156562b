// What only a server says: a client bundles none of it.
import { Schema } from "effect"

/** There is no such path. @category errors @since 0.1.0 */
export class RouteNotFound extends Schema.TaggedError<RouteNotFound>()(
  "RouteNotFound",
  { message: Schema.String },
  { httpApiStatus: 404 }
) {}

/** The path exists and does not know the method; `allow` lists those it knows. @category errors @since 0.1.0 */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()(
  "MethodNotAllowed",
  { message: Schema.String, allow: Schema.Array(Schema.String) },
  { httpApiStatus: 405 }
) {}

/** The body is not JSON, or NDJSON where that is taken. @category errors @since 0.1.0 */
export class UnsupportedMediaType extends Schema.TaggedError<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  { message: Schema.String },
  { httpApiStatus: 415 }
) {}

/** The server broke; the log says how. @category errors @since 0.1.0 */
export class InternalError extends Schema.TaggedError<InternalError>()(
  "InternalError",
  { message: Schema.String },
  { httpApiStatus: 500 }
) {}
