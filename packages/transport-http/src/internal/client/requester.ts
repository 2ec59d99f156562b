import { type Cause, type Duration, Effect, Exit, Schedule, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { ApiUnavailable } from "../../ApiError.ts"
import { type Failure, toFailure } from "./failure.ts"

export type Method = "GET" | "POST" | "DELETE"

export interface Call {
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON. */
  readonly body?: unknown
  /** Whether it does no harm to send it twice. Default: all but POST. */
  readonly repeatable?: boolean | undefined
}

export interface RequesterOptions {
  readonly baseUrl: string
  readonly token?: string | undefined
  readonly patience?: Duration.Input | undefined
}

const unreachable = (error: HttpClientError.HttpClientError | Cause.TimeoutError): ApiUnavailable =>
  ApiUnavailable.of(`The server cannot be reached: ${error.message}`)

/** Three signs of life missed: whoever takes a connection and then says nothing is as good as gone. */
const silence = "45 seconds"

const bodyOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<unknown, ApiUnavailable> =>
  Effect.mapError(Effect.timeout(response.json, silence), unreachable)

/** What may be gone in a moment. */
const isPassing = (error: Failure): boolean => error._tag === "ApiUnavailable" || error._tag === "ShuttingDown"

/** Sends requests and reads what comes back: JSON, or the error it says. */
export class Requester {
  private readonly client: HttpClient.HttpClient
  private readonly options: RequesterOptions

  constructor(client: HttpClient.HttpClient, options: RequesterOptions) {
    this.client = client
    this.options = options
  }

  private execute(
    method: Method,
    path: string,
    call: Call
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure> {
    let request = HttpClientRequest.make(method)(`${this.options.baseUrl}${path}`)
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) request = HttpClientRequest.setUrlParam(request, name, String(value))
    }
    if (this.options.token !== undefined) request = HttpClientRequest.bearerToken(request, this.options.token)
    if (call.headers !== undefined) request = HttpClientRequest.setHeaders(request, call.headers)
    if (call.body !== undefined) {
      request = HttpClientRequest.bodyText(request, JSON.stringify(call.body), "application/json")
    }
    const answer = this.client.execute(request)
    // An end takes as long as its grace.
    const inTime = method === "DELETE" ? answer : Effect.timeout(answer, silence)
    return Effect.flatMap(Effect.mapError(inTime, unreachable), (response) =>
      response.status < 300
        ? Exit.succeed(response)
        : Effect.flatMap(
            Effect.orElseSucceed(bodyOf(response), () => null),
            (body) => Exit.fail(toFailure(response.status, body))
          )
    )
  }

  /** The JSON that a request is answered with. */
  json(method: Method, path: string, call: Call = {}): Effect.Effect<unknown, Failure> {
    const once = Effect.flatMap(this.execute(method, path, call), (response): Effect.Effect<unknown, Failure> =>
      response.status === 204 ? Effect.void : bodyOf(response)
    )
    return (call.repeatable ?? method !== "POST") ? this.patiently(once) : once
  }

  /** Tries again for a while what fails for reasons that may pass. */
  patiently<A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> {
    return Effect.retry(effect, {
      while: isPassing,
      schedule: Schedule.exponential("100 millis", 1.5).pipe(
        Schedule.jittered,
        Schedule.upTo({ duration: this.options.patience ?? "10 seconds" })
      )
    })
  }

  /** The bytes that a request is answered with, as they come, until nothing has come for long. */
  bytes(path: string, call: Call): Effect.Effect<Stream.Stream<Uint8Array, Failure>, Failure> {
    return Effect.map(
      this.execute("GET", path, { ...call, headers: { accept: "text/event-stream", ...call.headers } }),
      (response) => Stream.timeout(Stream.mapError(response.stream, unreachable), silence)
    )
  }
}
