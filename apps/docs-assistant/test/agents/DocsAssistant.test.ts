import { RuntimeManager } from "@agent-runtime/core"
import type { AgentEvent } from "@agent-runtime/schema"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Scope, Stream } from "effect"
import { Cancel } from "../../src/agents/Cancel.ts"
import { Approve, Ask, DocsAssistant, Forget, Summarize } from "../../src/agents/DocsAssistant.ts"
import { layer as layerAssistant } from "../../src/agents/DocsAssistantWorkflow.ts"
import { DocumentIndex, Index } from "../../src/agents/DocumentIndex.ts"
import { layer as layerIndex } from "../../src/agents/DocumentIndexWorkflow.ts"
import * as ExtractiveAnswerer from "../../src/answering/ExtractiveAnswerer.ts"
import { DocumentLibrary, layer as layerLibrary } from "../../src/library/DocumentLibrary.ts"
import { DocumentSources } from "../../src/library/DocumentSources.ts"

const temp = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  return { folder, write: (name: string, text: string) => fs.writeFileString(`${folder}/${name}`, text) }
})

/**
 * The assistant over one folder, everything real.
 */
const assistant = (folder: string) => {
  const library = layerLibrary.pipe(Layer.provide(NodeServices.layer))
  return Layer.merge(layerAssistant, layerIndex).pipe(
    Layer.provide(ExtractiveAnswerer.layer),
    Layer.provideMerge(Layer.mergeAll(library, RuntimeManager.layer)),
    Layer.provide(Layer.succeed(DocumentSources, [{ folder }]))
  )
}

const create = (id: string) =>
  Effect.flatMap(RuntimeManager.RuntimeManager, (manager) => manager.create(DocsAssistant, { id }))

const createIndex = (folder: string) =>
  Effect.flatMap(RuntimeManager.RuntimeManager, (manager) => manager.create(DocumentIndex, { state: { folder } }))

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/**
 * The names of what comes until an activity has been processed.
 */
const told = <E>(events: Stream.Stream<AgentEvent.AgentEvent, E>, type: string) =>
  events.pipe(
    Stream.takeUntil((_) => _._tag === "Processed" && _.type === type),
    Stream.map((_) =>
      _._tag === "Emitted" ? (_.value as { readonly _tag: string })._tag : `${_._tag} ${"type" in _ ? _.type : ""}`
    ),
    Stream.runCollect
  )

const prose = (words: string) => `${words} `.repeat(60)

describe("DocsAssistant", () => {
  it.live("answers with passages, their file and lines, and tells them as they are found", () =>
    live(
      Effect.gen(function* () {
        const { folder, write } = yield* temp
        yield* write("zoo.md", "# Zoo\n\n## Penguins\n\nPenguins are fed at noon.\n\n## Lions\n\nLions eat meat.\n")
        yield* Effect.gen(function* () {
          const indexer = yield* createIndex(folder)
          const progress = yield* indexer.subscription()
          const finished = yield* indexer.ask(Index.make())
          assert.strictEqual(finished.files, 1)
          assert.strictEqual(finished.folder, folder)
          assert.deepStrictEqual((yield* indexer.info).state, { folder, indexed: finished })
          assert.deepStrictEqual(yield* told(progress, "Index"), [
            "Progress",
            "Progress",
            "Finished",
            "Processed Index"
          ])

          const runtime = yield* create("talk")
          const events = yield* runtime.subscription()
          const { answer, passages } = yield* runtime.ask(Ask.make({ question: "When are penguins fed?" }))
          assert.strictEqual(answer, `Penguins are fed at noon. (Zoo › Penguins, ${folder}/zoo.md:3-5)`)
          assert.deepInclude(passages[0], {
            file: `${folder}/zoo.md`,
            firstLine: 3,
            lastLine: 5,
            heading: "Zoo › Penguins"
          })

          assert.deepStrictEqual(yield* told(events, "Ask"), ["Passage", "Text", "Processed Ask"])

          const { state } = yield* runtime.info
          assert.deepStrictEqual(state.conversation, [
            { question: "When are penguins fed?", answer, places: [`${folder}/zoo.md:3`] }
          ])
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("answers an empty question with QuestionEmpty and goes on", () =>
    live(
      Effect.gen(function* () {
        const { folder } = yield* temp
        yield* Effect.gen(function* () {
          const runtime = yield* create("talk")
          const error = yield* Effect.flip(runtime.ask(Ask.make({ question: " " })))
          assert.strictEqual(error._tag, "QuestionEmpty")
          const { answer } = yield* runtime.ask(Ask.make({ question: "anything?" }))
          assert.strictEqual(answer, "The documents say nothing about this.")
          assert.strictEqual((yield* runtime.info).status, "idle")
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("indexes no folder but its own", () =>
    live(
      Effect.gen(function* () {
        const { folder } = yield* temp
        yield* Effect.gen(function* () {
          for (const other of ["", "/etc", `${folder}/..`, `${folder}/../etc`]) {
            const indexer = yield* createIndex(other)
            const error = yield* Effect.flip(indexer.ask(Index.make()))
            assert.strictEqual(error._tag, "FolderNotAllowed")
          }
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("says which folder is bad", () =>
    live(
      Effect.gen(function* () {
        const { folder } = yield* temp
        yield* Effect.gen(function* () {
          const indexer = yield* createIndex(`${folder}/missing`)
          const error = yield* Effect.flip(indexer.ask(Index.make()))
          assert.strictEqual(error._tag, "FolderNotFound")
          assert.strictEqual(error.message, `There is no folder "${folder}/missing"`)
        }).pipe(Effect.provide(assistant(`${folder}/missing`)))
      })
    )
  )

  it.live("stops indexing at once when it is told to, and can index again", () =>
    live(
      Effect.gen(function* () {
        const { folder, write } = yield* temp
        const sections = Array.from({ length: 50 }, (_, i) => `# Section ${i}\n\n${prose(`penguin${i}`)}`).join("\n\n")
        for (let i = 0; i < 40; i++) yield* write(`${i}.md`, sections)
        yield* Effect.gen(function* () {
          const library = yield* DocumentLibrary
          const runtime = yield* createIndex(folder)
          const events = yield* runtime.subscription()
          const begun = yield* Deferred.make<void>()
          yield* events.pipe(
            Stream.runForEach((_) => (_._tag === "Emitted" ? Deferred.succeed(begun, void 0) : Effect.void)),
            Effect.forkScoped
          )
          const indexing = yield* Effect.forkChild(Effect.flip(runtime.ask(Index.make())), { startImmediately: true })
          yield* Deferred.await(begun)
          yield* runtime.ask(Cancel.make())
          const error = yield* Fiber.join(indexing)
          assert.strictEqual(error._tag, "ActivitySuperseded")
          assert.isBelow((yield* library.size).passages, 2000)

          yield* runtime.ask(Index.make())
          assert.deepStrictEqual(yield* library.size, { files: 40, passages: 2000 })
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("indexes first what a question comes too early for", () =>
    live(
      Effect.gen(function* () {
        const { folder, write } = yield* temp
        yield* write("a.md", "# Walrus\n\nThe only one.")
        yield* Effect.gen(function* () {
          const runtime = yield* create("talk")
          const indexer = yield* createIndex(folder)
          const { passages } = yield* runtime.ask(Ask.make({ question: "walrus" }))
          assert.strictEqual(passages[0]?.file, `${folder}/a.md`)

          // From then on questions do not wait: only Index looks for changes.
          yield* write("b.md", "# Seal")
          assert.lengthOf((yield* runtime.ask(Ask.make({ question: "seal" }))).passages, 0)
          yield* indexer.ask(Index.make())
          assert.lengthOf((yield* runtime.ask(Ask.make({ question: "seal" }))).passages, 1)
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("answers a question that comes while the folder is indexed from the whole index", () =>
    live(
      Effect.gen(function* () {
        const { folder, write } = yield* temp
        for (let i = 0; i < 60; i++) yield* write(`${i}.md`, `# Number ${i}\n\n${prose("penguins")}`)
        yield* write("z.md", "# Walrus\n\nThe last one.")
        yield* Effect.gen(function* () {
          const indexer = yield* createIndex(folder)
          const talk = yield* create("talk")
          const events = yield* indexer.subscription()
          yield* indexer.send(Index.make())
          yield* events.pipe(
            Stream.filter((_) => _._tag === "Emitted"),
            Stream.take(1),
            Stream.runDrain
          )
          const { passages } = yield* talk.ask(Ask.make({ question: "walrus" }))
          assert.strictEqual(passages[0]?.file, `${folder}/z.md`)
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )

  it.live("remembers turns as they were said, and puts the oldest in short", () =>
    live(
      Effect.gen(function* () {
        const { folder } = yield* temp
        yield* Effect.gen(function* () {
          const runtime = yield* create("talk")
          for (let i = 1; i <= 52; i++) yield* runtime.ask(Ask.make({ question: `question ${i}` }))
          const long = (yield* runtime.info).state
          assert.strictEqual(long.conversation.length, 50)
          assert.strictEqual(long.conversation[0]?.question, "question 3")
          // From the 21st on each turn has asked for a summary, for later.
          assert.strictEqual((yield* runtime.info).metrics.delayed, 32)

          yield* runtime.ask(Summarize.make())
          const short = (yield* runtime.info).state
          assert.deepStrictEqual(short.conversation, long.conversation.slice(-8))
          const asked = long.conversation.slice(0, -8).map(({ question }) => `- ${question}`)
          assert.strictEqual(short.summary, asked.join("\n"))

          yield* runtime.ask(Forget.make())
          assert.deepStrictEqual((yield* runtime.info).state, { conversation: [] })
          const error = yield* Effect.flip(runtime.ask(Approve.make()))
          assert.strictEqual(error._tag, "NothingParked")
        }).pipe(Effect.provide(assistant(folder)))
      })
    )
  )
})
