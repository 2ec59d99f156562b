import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Redacted, type Scope, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { Cancel } from "../../src/agents/Cancel.ts"
import { Approve, Ask, DocsAssistant, Reject, Summarize } from "../../src/agents/DocsAssistant.ts"
import { layer as layerAssistant } from "../../src/agents/DocsAssistantWorkflow.ts"
import * as ModelAnswerer from "../../src/answering/ModelAnswerer.ts"
import { layer as layerLibrary } from "../../src/library/DocumentLibrary.ts"
import { DocumentSources } from "../../src/library/DocumentSources.ts"
import * as OpenAiCompatible from "../../src/model/OpenAiCompatible.ts"
import * as ModelServer from "../support/ModelServer.ts"

interface Talk {
  readonly runtime: AgentRuntime.AgentRuntime<typeof DocsAssistant>
  readonly server: ModelServer.ModelServer
  readonly folder: string
}

/**
 * A conversation about a zoo, answered by an endpoint that says what the test tells it to.
 */
const talk = <A, E>(test: (talk: Talk) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    yield* fs.writeFileString(
      `${folder}/zoo.md`,
      "# Zoo\n\n## Penguins\n\nPenguins are fed at noon.\n\n## Lions\n\nLions eat meat.\n"
    )
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => ModelServer.listen()),
      (server) => Effect.promise(() => server.close())
    )
    const settings = { url: server.url, key: Redacted.make("sk-secret"), model: "gpt-4o-mini" }
    const model = OpenAiCompatible.layer(settings, { backoff: 1, retries: 1 })
    const app = layerAssistant.pipe(
      Layer.provide(ModelAnswerer.layer("gpt-4o-mini")),
      Layer.provide(model.pipe(Layer.provide(FetchHttpClient.layer))),
      Layer.provide(layerLibrary),
      Layer.provideMerge(RuntimeManager.layer),
      Layer.provide(Layer.succeed(DocumentSources, [{ folder }]))
    )
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* test({ runtime: yield* manager.create(DocsAssistant, { id: "talk" }), server, folder })
    }).pipe(Effect.provide(app))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const ask = (runtime: Talk["runtime"], question: string) => runtime.ask(Ask.make({ question }))

const lastMessage = (server: ModelServer.ModelServer) => server.requests.at(-1)?.body.messages.at(-1)

describe("DocsAssistant with a language model", () => {
  it.live("shows the model what was found, and tells the answer word by word", () =>
    talk(({ folder, runtime, server }) =>
      Effect.gen(function* () {
        const events = yield* runtime.subscription()
        server.next(ModelServer.says("At ", "noon", " [1]."))
        const { answer, passages } = yield* ask(runtime, "When are penguins fed?")
        assert.strictEqual(answer, "At noon [1].")
        assert.strictEqual(passages[0]?.file, `${folder}/zoo.md`)
        assert.include(lastMessage(server)?.content, `[1] ${folder}/zoo.md:3-5 Zoo › Penguins\n## Penguins`)

        const emitted = yield* events.pipe(
          Stream.takeUntil((_) => _._tag === "Processed"),
          Stream.filter((_) => _._tag === "Emitted"),
          Stream.map(({ value }) => (value._tag === "Text" ? value.text : value._tag)),
          Stream.runCollect
        )
        assert.deepStrictEqual(emitted, ["Passage", "At ", "noon", " [1]."])
      })
    )
  )

  it.live("remembers what was said", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        server.next(ModelServer.says("At noon."), ModelServer.says("Fish."))
        yield* ask(runtime, "When are penguins fed?")
        yield* ask(runtime, "What with?")
        const { messages } = server.requests[1]!.body
        assert.deepStrictEqual(
          messages.map((_) => _.role),
          ["system", "user", "assistant", "user"]
        )
        assert.deepStrictEqual(
          messages.slice(1, 3).map((_) => _.content),
          ["When are penguins fed?", "At noon."]
        )
      })
    )
  )

  it.live("lets the model search and read, and cites what it found by number", () =>
    talk(({ folder, runtime, server }) =>
      Effect.gen(function* () {
        server.next(
          ModelServer.calls(["search_documents", { query: "lions" }]),
          ModelServer.calls(
            ["read_passage", { file: `${folder}/zoo.md`, firstLine: 1, lastLine: 9 }],
            ["read_passage", { file: "/etc/passwd", firstLine: 1, lastLine: 9 }]
          ),
          ModelServer.says("Meat [2].")
        )
        const { answer, passages } = yield* ask(runtime, "penguins")
        assert.strictEqual(answer, "Meat [2].")
        assert.strictEqual(passages[1]?.heading, "Zoo › Lions")
        const searched = JSON.parse(server.requests[1]?.body.messages.at(-1)?.content ?? "")
        assert.deepStrictEqual(searched, [
          { n: 2, place: `${folder}/zoo.md:7-9`, heading: "Zoo › Lions", text: "## Lions\n\nLions eat meat." }
        ])
        const results = server.requests[2]?.body.messages.slice(-2).map((_) => _.content)
        assert.isTrue(results?.some((_) => _?.includes('"n":1,') && _.includes('"n":2,')))
        assert.isTrue(results?.some((_) => _?.includes('There is no document \\"/etc/passwd\\"')))
      })
    )
  )

  it.live("tells the model what is wrong with its calls", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        server.next(
          ModelServer.calls(["no_such_tool", {}]),
          ModelServer.calls(["search_documents", { words: 1 }]),
          ModelServer.says("At noon.")
        )
        assert.strictEqual((yield* ask(runtime, "penguins")).answer, "At noon.")
        assert.include(server.requests[1]?.body.messages.at(-1)?.content, "A call of a tool was wrong")
        const last = lastMessage(server)
        assert.strictEqual(last?.role, "tool")
        assert.match(last?.content ?? "", /parameter[^]*query/i)
      })
    )
  )

  it.live("has the model answer without tools once it has used them often enough", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        server.next(
          ...Array.from({ length: 5 }, () => ModelServer.calls(["search_documents", { query: "lions" }])),
          ModelServer.says("Enough.")
        )
        assert.strictEqual((yield* ask(runtime, "lions")).answer, "Enough.")
        assert.strictEqual(server.requests.at(-1)?.body.tool_choice, "none")
      })
    )
  )

  for (const { decision, says, sees } of [
    { decision: Approve, says: "Both [1][2].", sees: "Lions eat meat." },
    { decision: Reject, says: "I may not.", sees: "A human has refused this" }
  ]) {
    it.live(`waits for a human before it reads a whole document, and goes on after ${decision.name}`, () =>
      talk(({ folder, runtime, server }) =>
        Effect.gen(function* () {
          server.next(ModelServer.calls(["read_document", { file: `${folder}/zoo.md` }]))
          const parked = yield* ask(runtime, "Who eats what? penguins")
          assert.deepInclude(parked.approvals?.[0], {
            tool: "read_document",
            parameters: { file: `${folder}/zoo.md` }
          })
          assert.strictEqual(server.requests.length, 1)
          assert.strictEqual((yield* runtime.info).state.parked?.question, "Who eats what? penguins")

          server.next(ModelServer.says(says))
          const { answer, approvals } = yield* runtime.ask(decision.make())
          assert.strictEqual(answer, says)
          assert.isUndefined(approvals)
          assert.include(lastMessage(server)?.content, sees)
          const { conversation, parked: left } = (yield* runtime.info).state
          assert.isUndefined(left)
          assert.deepInclude(conversation[0], { question: "Who eats what? penguins", answer: says })
        })
      )
    )
  }

  it.live("drops an answer that waits when it is cancelled", () =>
    talk(({ folder, runtime, server }) =>
      Effect.gen(function* () {
        server.next(ModelServer.calls(["read_document", { file: `${folder}/zoo.md` }]))
        yield* ask(runtime, "penguins")
        yield* runtime.ask(Cancel.make())
        assert.deepStrictEqual((yield* runtime.info).state, { conversation: [] })
      })
    )
  )

  it.live("stops in the middle of an answer, hangs up, and is ready for the next question", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        server.next(ModelServer.says("First."))
        yield* ask(runtime, "penguins")
        const before = (yield* runtime.info).state

        const events = yield* runtime.subscription()
        server.next(ModelServer.hangs("Well, ", "let me"))
        const asking = yield* Effect.forkChild(Effect.flip(ask(runtime, "lions")), { startImmediately: true })
        yield* events.pipe(
          Stream.takeUntil((_) => _._tag === "Emitted" && _.value._tag === "Text"),
          Stream.runDrain
        )
        yield* runtime.ask(Cancel.make())
        assert.strictEqual((yield* Fiber.join(asking))._tag, "ActivitySuperseded")
        yield* Effect.promise(() => server.requests[1]!.gone)
        assert.deepStrictEqual((yield* runtime.info).state, before)

        server.next(ModelServer.says("Third."))
        assert.strictEqual((yield* ask(runtime, "lions")).answer, "Third.")
        assert.deepStrictEqual(
          server.requests[2]?.body.messages.map((_) => _.role),
          ["system", "user", "assistant", "user"]
        )
      })
    )
  )

  it.live("answers ModelFailed when the model does, and remembers nothing of it", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        for (const replies of [
          [ModelServer.refuses(401)],
          [ModelServer.refuses(500), ModelServer.refuses(500)],
          [ModelServer.breaks("reset", "Half an")],
          [ModelServer.says("")],
          Array.from({ length: 6 }, () => ModelServer.calls(["no_such_tool", {}]))
        ]) {
          server.next(...replies)
          const error = yield* Effect.flip(ask(runtime, "penguins"))
          assert.strictEqual(error._tag, "ModelFailed")
          assert.notInclude(error.message, "sk-secret")
          assert.isBelow(error.message.length, 400)
        }
        const { state, status } = yield* runtime.info
        assert.deepStrictEqual(state, { conversation: [] })
        assert.strictEqual(status, "idle")
      })
    )
  )

  it.live("sums up with the model, and without it when it fails", () =>
    talk(({ runtime, server }) =>
      Effect.gen(function* () {
        for (let i = 0; i < 10; i++) {
          server.next(ModelServer.says(`Answer ${i}`))
          yield* ask(runtime, `question ${i}`)
        }
        server.next(ModelServer.says("They talked."))
        yield* runtime.ask(Summarize.make())
        assert.strictEqual((yield* runtime.info).state.summary, "They talked.")

        server.next(ModelServer.says("More."))
        yield* ask(runtime, "penguins")
        assert.include(server.requests.at(-1)?.body.messages[0]?.content, "Earlier:\nThey talked.")
        server.next(ModelServer.refuses(401))
        yield* runtime.ask(Summarize.make())
        assert.strictEqual((yield* runtime.info).state.summary, "They talked.\n- question 2")
      })
    )
  )
})
