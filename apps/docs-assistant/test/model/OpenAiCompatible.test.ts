import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, Schema, Scope, Stream } from "effect"
import { type AiError, LanguageModel, Prompt, Tool, Toolkit } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../../src/model/OpenAiCompatible.ts"
import * as ModelServer from "../support/ModelServer.ts"

/**
 * Runs a test against an endpoint that answers as the test says.
 */
const against = <A, E>(
  test: (server: ModelServer.ModelServer) => Effect.Effect<A, E, LanguageModel.LanguageModel | Scope.Scope>,
  options: OpenAiCompatible.Options = {}
) =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => ModelServer.listen()),
      (server) => Effect.promise(() => server.close())
    )
    const model = OpenAiCompatible.layer(
      { url: server.url, key: Redacted.make("sk-secret"), model: "gpt-4o-mini" },
      { backoff: 1, ...options }
    )
    return yield* Effect.provide(test(server), model.pipe(Layer.provide(FetchHttpClient.layer)))
  }).pipe(Effect.scoped)

const text = (prompt: string) =>
  LanguageModel.streamText({ prompt }).pipe(
    Stream.filter((part) => part.type === "text-delta"),
    Stream.map((part) => part.delta),
    Stream.runCollect
  )

const failure = (server: ModelServer.ModelServer, ...replies: ReadonlyArray<ModelServer.Reply>) => {
  server.next(...replies)
  return Effect.flip(text("Hello")) satisfies Effect.Effect<AiError.AiError, unknown, LanguageModel.LanguageModel>
}

const Weather = Tool.make("weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const tools = Toolkit.make(Weather)

describe("OpenAiCompatible", () => {
  it.live("sends the key, the model and the prompt, and streams the answer piece by piece", () =>
    against((server) =>
      Effect.gen(function* () {
        server.next(ModelServer.says("Pen", "guins ", "🐧"))
        const prompt = [
          { role: "system" as const, content: "Be brief." },
          { role: "user" as const, content: "Who?" }
        ]
        const pieces = yield* LanguageModel.streamText({ prompt }).pipe(Stream.runCollect)
        assert.deepStrictEqual(
          pieces.map((part) => (part.type === "text-delta" ? part.delta : part.type)),
          ["text-start", "Pen", "guins ", "🐧", "text-end", "finish"]
        )
        const [request] = server.requests
        assert.strictEqual(request?.headers.authorization, "Bearer sk-secret")
        assert.deepStrictEqual(request?.body, {
          model: "gpt-4o-mini",
          messages: prompt,
          stream: true,
          stream_options: { include_usage: true }
        })
      })
    )
  )

  it.live("answers a whole text with the tokens it cost", () =>
    against((server) =>
      Effect.gen(function* () {
        server.next(ModelServer.says("All ", "of it"))
        const response = yield* LanguageModel.generateText({ prompt: "Go on" })
        assert.strictEqual(response.text, "All of it")
        assert.deepInclude(response.usage.inputTokens, { total: 214 })
        assert.deepInclude(response.usage.outputTokens, { total: 9 })
      })
    )
  )

  it.live("puts calls of tools together from their pieces, and sends the results back", () =>
    against((server) =>
      Effect.gen(function* () {
        server.next(ModelServer.calls(["weather", { city: 'Mō"tu' }], ["weather", { city: "Oslo" }]))
        const handlers = yield* tools.toHandlers({ weather: ({ city }) => Effect.succeed(`Rain in ${city}`) })
        const toolkit = yield* Effect.provideContext(tools, handlers)
        const first = yield* LanguageModel.generateText({ prompt: "Weather?", toolkit }).pipe(
          Effect.provideContext(handlers)
        )
        assert.deepStrictEqual(
          first.toolResults.map((_) => _.result),
          ['Rain in Mō"tu', "Rain in Oslo"]
        )
        const [tool] = server.requests[0]?.body.tools ?? []
        assert.deepEqual<object | undefined>(tool?.function, {
          name: "weather",
          description: "The weather of a city",
          parameters: Tool.getJsonSchema(Weather)
        })
        server.next(ModelServer.says("Wet."))
        yield* LanguageModel.generateText({
          prompt: Prompt.concat(Prompt.make("Weather?"), Prompt.fromResponseParts(first.content))
        })
        const { messages } = server.requests[1]!.body
        assert.deepStrictEqual(
          messages.map((_) => _.role),
          ["user", "assistant", "tool", "tool"]
        )
        const [call] = messages[1]?.tool_calls ?? []
        assert.strictEqual(messages[2]?.tool_call_id, call?.id)
        assert.strictEqual(messages[2]?.content, JSON.stringify('Rain in Mō"tu'))
      })
    )
  )

  it.live("tries again after 429, 500 and 503, and waits as long as it is told to", () =>
    against((server) =>
      Effect.gen(function* () {
        server.next(
          ModelServer.refuses(429, { "retry-after": "1" }),
          ModelServer.refuses(500),
          ModelServer.refuses(503),
          ModelServer.says("At last")
        )
        const started = performance.now()
        assert.deepStrictEqual(yield* text("Hello"), ["At last"])
        assert.isAtLeast(performance.now() - started, 990)
        assert.strictEqual(server.requests.length, 4)
      })
    )
  )

  it.live("gives up after the last try, and says what the endpoint said", () =>
    against(
      (server) =>
        Effect.gen(function* () {
          const error = yield* failure(server, ...Array.from({ length: 3 }, () => ModelServer.refuses(503)))
          assert.strictEqual(error.reason._tag, "InternalProviderError")
          assert.include(error.message, "Refused with 503")
          assert.strictEqual(server.requests.length, 3)
        }),
      { retries: 2 }
    )
  )

  it.live("does not wait for minutes", () =>
    against((server) =>
      Effect.gen(function* () {
        const error = yield* failure(server, ModelServer.refuses(429, { "retry-after": "600" }))
        assert.strictEqual(error.reason._tag, "RateLimitError")
        assert.strictEqual(server.requests.length, 1)
      })
    )
  )

  it.live("asks once where asking again is no use", () =>
    against((server) =>
      Effect.gen(function* () {
        for (const [status, tag] of [
          [400, "InvalidRequestError"],
          [401, "AuthenticationError"],
          [404, "UnknownError"]
        ] as const) {
          const error = yield* failure(server, ModelServer.refuses(status))
          assert.strictEqual(error.reason._tag, tag)
          assert.notInclude(JSON.stringify(error), "sk-secret")
        }
        assert.strictEqual(server.requests.length, 3)
      })
    )
  )

  it.live("fails when the answer breaks off, and does not ask again", () =>
    against((server) =>
      Effect.gen(function* () {
        for (const how of ["end", "reset"] as const) {
          const error = yield* failure(server, ModelServer.breaks(how, "Half an"))
          assert.include(["InvalidOutputError", "NetworkError"], error.reason._tag)
        }
        assert.strictEqual(server.requests.length, 2)
      })
    )
  )

  it.live("fails when the stream brings an error, or what is none of its words", () =>
    against((server) =>
      Effect.gen(function* () {
        const inside = yield* failure(
          server,
          ModelServer.sends('data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n')
        )
        assert.include(inside.message, "The server had an error")
        const nonsense = yield* failure(server, ModelServer.sends("data: {nonsense\n\n"))
        assert.strictEqual(nonsense.reason._tag, "InvalidOutputError")
        const params =
          '{"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"x","arguments":"{"}}]},"finish_reason":"tool_calls"}]}'
        const call = yield* failure(server, ModelServer.sends(`data: ${params}\n\ndata: [DONE]\n\n`))
        assert.include(call.message, 'the model called "x" with what is no JSON')
      })
    )
  )

  it.live("reads what other endpoints send: comments, carriage returns, characters cut in half, no last word", () =>
    against((server) =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(
          ': OPENROUTER PROCESSING\r\n\r\ndata: {"choices":[{"delta":{"content":"é🐧"}}]}\r\n\r\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\n'
        )
        server.next(ModelServer.sends(...Array.from(bytes, (byte) => Uint8Array.of(byte))))
        assert.deepStrictEqual(yield* text("Hello"), ["é🐧"])
      })
    )
  )

  it.live("fails when the endpoint falls silent", () =>
    against(
      (server) =>
        Effect.gen(function* () {
          const error = yield* failure(server, ModelServer.hangs("Well"))
          assert.include(error.message, "fell silent")
        }),
      { silence: "200 millis" }
    )
  )

  it.live("hangs up at once when it is interrupted", () =>
    against((server) =>
      Effect.gen(function* () {
        server.next(ModelServer.hangs("Well"))
        const begun = yield* Deferred.make<void>()
        const reading = yield* LanguageModel.streamText({ prompt: "Hello" }).pipe(
          Stream.filter((part) => part.type === "text-delta"),
          Stream.runForEach(() => Deferred.succeed(begun, undefined)),
          Effect.forkChild
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(reading)
        yield* Effect.promise(() => server.requests[0]!.gone)
      })
    )
  )
})
