/**
 * A `LanguageModel` on any endpoint that speaks the chat completions API of OpenAI.
 *
 * Thin on purpose: it stands in until a release of `@effect/ai-openai-compat` matches effect 4.1.
 */
import { Clock, Duration, Effect, Layer, Random, Schema, Stream } from "effect"
import { AiError, LanguageModel, type Response } from "effect/ai"
import { Sse } from "effect/encoding"
import { HttpClient, type HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { ChatChunk } from "./ChatChunk.ts"
import { ChatParts } from "./ChatParts.ts"
import * as ChatRequest from "./ChatRequest.ts"
import type { ModelSettings } from "./ModelSettings.ts"

/**
 * How patient the model's user is.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** How often a request that was turned away is made again (default: 4). */
  readonly retries?: number
  /** The wait before the first of these in milliseconds, doubled for each further one (default: 500). */
  readonly backoff?: number
  /** A silence of the endpoint of this length ends the answer (default: 60 seconds). */
  readonly silence?: Duration.Input
}

const failWith = (reason: AiError.AiErrorReason) =>
  AiError.make({ module: "OpenAiCompatible", method: "streamText", reason })

const decodeChunk = Schema.decodeUnknownEffect(Schema.fromJsonString(ChatChunk))
const ErrorBody = Schema.Struct({ error: Schema.Struct({ message: Schema.String }) })

/** The wait that a response asks for, in milliseconds: given in seconds, or as a date. */
const retryAfter = (response: HttpClientResponse.HttpClientResponse, now: number): number | undefined => {
  const text = response.headers["retry-after"]
  if (text === undefined) return undefined
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}

const refused = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  const body = yield* Effect.option(HttpClientResponse.schemaBodyJson(ErrorBody)(response))
  const said = body._tag === "Some" ? body.value.error.message.slice(0, 500) : `status ${response.status}`
  const wait = retryAfter(response, yield* Clock.currentTimeMillis)
  const reason =
    response.status === 429 && wait !== undefined
      ? new AiError.RateLimitError({ retryAfter: Duration.millis(wait) })
      : AiError.reasonFromHttpStatus({ status: response.status, description: said })
  return yield* failWith(reason)
})

const unreachable = (url: string) => (error: HttpClientError.HttpClientError) =>
  failWith(new AiError.NetworkError({ reason: "TransportError", method: "POST", url, description: error.reason._tag }))

/**
 * A model on the endpoint. A request that is turned away for now (429, 5xx, no connection) is made again, later each time or when
 * the endpoint says; once an answer has begun it is not, for what was told cannot be taken back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  { key, model, url }: ModelSettings,
  { backoff = 500, retries = 4, silence = "60 seconds" }: Options = {}
): Effect.fn.Return<LanguageModel.LanguageModel, never, HttpClient.HttpClient> {
  const client = yield* HttpClient.HttpClient
  const endpoint = `${url}/chat/completions`

  const post = (body: object): Effect.Effect<HttpClientResponse.HttpClientResponse, AiError.AiError> =>
    HttpClientRequest.post(endpoint).pipe(
      HttpClientRequest.bearerToken(key),
      HttpClientRequest.bodyJsonUnsafe(body),
      client.execute,
      Effect.mapError(unreachable(endpoint)),
      Effect.timeoutOrElse({
        duration: silence,
        orElse: () => Effect.fail(unreachableFor(endpoint))
      }),
      Effect.filterOrElse(({ status }) => status === 200, refused)
    )

  const again = (
    body: object,
    attempt: number
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, AiError.AiError> =>
    Effect.catch(post(body), (error) =>
      Effect.gen(function* () {
        if (attempt > retries || !error.isRetryable) return yield* error
        const jitter = 0.5 + (yield* Random.next)
        const wait = error.retryAfter ?? Duration.millis(backoff * 2 ** (attempt - 1) * jitter)
        // Who has to wait for minutes is better told so.
        if (Duration.toMillis(wait) > 30_000) return yield* error
        yield* Effect.sleep(wait)
        return yield* again(body, attempt + 1)
      })
    )

  const streamText = (
    options: LanguageModel.ProviderOptions
  ): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const parts = new ChatParts()
        options.span.attribute("gen_ai.request.model", model)
        const request = again(ChatRequest.make(model, options), 1)
        const response = yield* Effect.withParentSpan(request, options.span)
        const take = Effect.fnUntraced(function* ({ data }: Sse.Event) {
          const chunk = yield* Effect.mapError(decodeChunk(data), (error) =>
            failWith(AiError.InvalidOutputError.fromSchemaError(error))
          )
          if (chunk.error !== undefined && chunk.error !== null) {
            const description = chunk.error.message ?? "the model failed"
            return yield* failWith(new AiError.InternalProviderError({ description }))
          }
          return parts.take(chunk)
        })
        const end = Effect.suspend(() => {
          const last = parts.end()
          return Array.isArray(last) ? Effect.succeed(last) : Effect.fail(failWith(last))
        })
        return response.stream.pipe(
          Stream.mapError(unreachable(endpoint)),
          Stream.decodeText(),
          Stream.pipeThroughChannel(Sse.decode()),
          Stream.mapError((error) => (AiError.isAiError(error) ? error : unreachableFor(endpoint))),
          Stream.timeoutOrElse({ duration: silence, orElse: () => Stream.fail(unreachableFor(endpoint)) }),
          Stream.takeUntil(({ data }) => data === "[DONE]", { excludeLast: true }),
          Stream.mapEffect(take),
          Stream.concat(Stream.fromEffect(end)),
          Stream.flattenIterable
        )
      })
    )

  return yield* LanguageModel.make({
    streamText,
    generateText: (options) =>
      Effect.map(Stream.runCollect(streamText(options)), (parts) => {
        const text = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")
        const whole = parts.filter((part) => part.type === "tool-call" || part.type === "finish")
        return [...(text === "" ? [] : [{ type: "text" as const, text }]), ...whole]
      })
  })
})

const unreachableFor = (url: string) =>
  failWith(
    new AiError.NetworkError({
      reason: "TransportError",
      method: "POST",
      url,
      description: "the endpoint fell silent"
    })
  )

/**
 * A model on the endpoint, as `make` does it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  settings: ModelSettings,
  options?: Options
): Layer.Layer<LanguageModel.LanguageModel, never, HttpClient.HttpClient> =>
  Layer.effect(LanguageModel.LanguageModel, make(settings, options))
