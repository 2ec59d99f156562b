import { Duration, Effect, Exit, Schedule, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { ApiUnavailable } from "../../ApiError.ts"
import { type Failure, toFailure } from "./failure.ts"
import { type Frame, SseParser } from "./sseParser.ts"

export type Method = "GET" | "POST" | "DELETE"

export interface Call {
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** Sent as JSON. */
  readonly body?: unknown
  /** Whether it does no harm to send it twice. What only reads never does. */
  readonly repeatable?: boolean | undefined
  /** What it is answered with when it is sent again and the first has taken effect: it is done. */
  readonly done?: Failure["_tag"] | undefined
  /** How long the answer may take. */
  readonly deadline?: Duration.Input | undefined
}

export interface RequesterOptions {
  readonly baseUrl: string
  readonly token?: string | undefined
  readonly patience?: Duration.Input | undefined
}

/** In milliseconds, longer than any wait that is asked for, and three signs of life missed: nobody is there, whatever the connection says. */
const silence = 45_000

const unreachable = (error: HttpClientError.HttpClientError): ApiUnavailable =>
  ApiUnavailable.of(`The server cannot be reached: ${error.message}`)

/** What may be gone in a moment. */
const isPassing = (error: { readonly _tag: string }): boolean =>
  error._tag === "ApiUnavailable" || error._tag === "ShuttingDown"

/** Ever longer pauses, up to one that is short enough for who waits for a server to come back. */
const backoff = Schedule.min([Schedule.jittered(Schedule.exponential("100 millis", 1.5)), Schedule.spaced("5 seconds")])

/** What who follows a runtime waits out. */
const isOutage = (error: { readonly _tag: string }): boolean =>
  isPassing(error) || error._tag === "TooManyRequests" || error._tag === "StoreUnavailable"

/**
 * Makes a connection anew when it breaks: until something `hasBegun` for as long as patience lasts, then however long the server is
 * away.
 */
export const reconnect = <A, E extends { readonly _tag: string }>(
  stream: Stream.Stream<A, E>,
  hasBegun: () => boolean,
  patience: number
): Stream.Stream<A, E> =>
  Stream.retry(
    stream,
    Schedule.while(backoff, ({ elapsed, input }: Schedule.Metadata<unknown, { readonly _tag: string }>) =>
      hasBegun() ? isOutage(input) : isPassing(input) && elapsed < patience
    )
  )

/** Sends requests and reads what comes back: JSON, or the error it says. */
export class Requester {
  private readonly client: HttpClient.HttpClient
  private readonly options: RequesterOptions
  /** In milliseconds. */
  readonly patience: number

  constructor(client: HttpClient.HttpClient, options: RequesterOptions) {
    this.client = client
    this.options = options
    this.patience = Duration.toMillis(options.patience ?? 10_000)
  }

  private execute<A>(
    method: Method,
    path: string,
    call: Call,
    read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError.HttpClientError>
  ): Effect.Effect<A, Failure> {
    const { baseUrl, token } = this.options
    let request = HttpClientRequest.make(method)(`${baseUrl}${path}`, { urlParams: call.query, headers: call.headers })
    if (token !== undefined) request = HttpClientRequest.bearerToken(request, token)
    if (call.body !== undefined) request = HttpClientRequest.bodyJsonUnsafe(request, call.body)
    const answer = Effect.flatMap(
      this.client.execute(request),
      (response): Effect.Effect<A, HttpClientError.HttpClientError | Failure> =>
        response.status < 300
          ? read(response)
          : Effect.flatMap(
              Effect.orElseSucceed(response.json, () => null),
              (body) => Exit.fail(toFailure(response.status, body))
            )
    )
    return Effect.timeoutOrElse(
      Effect.catchTag(answer, "HttpClientError", (error) => Exit.fail(unreachable(error))),
      { duration: call.deadline ?? silence, orElse: () => Exit.fail(ApiUnavailable.of("The server is silent")) }
    )
  }

  /** The JSON that a request is answered with. Tries again for a while what fails for reasons that may pass. */
  json(method: Method, path: string, call: Call = {}): Effect.Effect<unknown, Failure> {
    const once = this.execute<unknown>(method, path, call, (response) =>
      response.status === 204 ? Exit.void : response.json
    )
    if (!call.repeatable && method !== "GET") return once
    const schedule = Schedule.while(backoff, ({ elapsed }) => elapsed < this.patience)
    return Effect.suspend(() => {
      let isRepeated = false
      return Effect.catchIf(
        Effect.retry(once, { while: (error) => isPassing(error) && (isRepeated = true), schedule }),
        (error: Failure) => isRepeated && error._tag === call.done,
        () => Exit.void
      )
    })
  }

  /** The events that a request is answered with, those that have come together at once. That they end is a failure. */
  frames(
    path: string,
    query: Call["query"],
    cursor?: string
  ): Effect.Effect<Stream.Stream<ReadonlyArray<Frame>, ApiUnavailable>, Failure> {
    const headers = { accept: "text/event-stream", "last-event-id": cursor }
    return this.execute("GET", path, { query, headers }, (response) => {
      const parser = new SseParser()
      return Exit.succeed(
        response.stream.pipe(
          Stream.mapError(unreachable),
          Stream.timeout(silence),
          Stream.concat(Stream.fail(ApiUnavailable.of("The stream ended"))),
          Stream.decodeText,
          Stream.map((text) => parser.feed(text))
        )
      )
    })
  }
}
