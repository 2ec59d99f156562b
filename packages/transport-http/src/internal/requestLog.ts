import { Context, Duration, Effect, LogLevel, Option, References } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"

type Response = HttpServerResponse.HttpServerResponse

/** Whether anyone listens to what is told of each request. */
export const isLogged = (context: Context.Context<never>): boolean =>
  !LogLevel.isGreaterThan(Context.get(context, References.MinimumLogLevel), "Debug")

/**
 * Tells how a request ended, at the level `Debug`: nothing of its query, its headers and its body, and of its path only
 * which one of the API's it is.
 */
export const logged = Effect.fnUntraced(function* <E, R>(
  request: HttpServerRequest.HttpServerRequest,
  route: string | undefined,
  answer: Effect.Effect<Response, E, R>
) {
  const [duration, response] = yield* Effect.timed(answer)
  const span = Option.getOrUndefined(yield* Effect.option(Effect.currentParentSpan))
  yield* Effect.logDebug("Answered a request").pipe(
    Effect.annotateLogs({
      method: request.method,
      route: route ?? "unknown",
      status: response.status,
      millis: Duration.toMillis(duration),
      ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId })
    })
  )
  return response
})
