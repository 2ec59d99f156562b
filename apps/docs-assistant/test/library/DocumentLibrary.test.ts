import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, type Scope, Stream } from "effect"
import { DocumentLibrary, layer as layerLibrary, make as makeLibrary } from "../../src/library/DocumentLibrary.ts"
import type { IndexEvent } from "../../src/library/IndexEvent.ts"
import { unprivileged } from "./Unprivileged.ts"

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | DocumentLibrary | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(layerLibrary.pipe(Layer.provideMerge(NodeServices.layer))))

const temp = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const library = yield* DocumentLibrary
  const folder = yield* fs.makeTempDirectoryScoped()
  const write = (name: string, text: string) => fs.writeFileString(`${folder}/${name}`, text)
  const index = Stream.runCollect(library.index({ folder }))
  const search = (question: string) =>
    Stream.runCollect(library.search(question)).pipe(
      Effect.map((found) => found.map((_) => _.file.slice(folder.length + 1)))
    )
  return { fs, library, folder, write, index, search }
})

const last = (events: ReadonlyArray<IndexEvent>) => {
  const event = events[events.length - 1]
  assert(event?._tag === "Finished")
  return event
}

const skipped = (events: ReadonlyArray<IndexEvent>) => events.flatMap((_) => (_._tag === "Skipped" ? [_] : []))

describe("DocumentLibrary", () => {
  it.effect("finds a passage by its heading, its text, the name of its file and its code", () =>
    live(
      Effect.gen(function* () {
        const { index, search, write } = yield* temp
        yield* write("walrus.md", "Something else.")
        yield* write("b.md", "# Penguins\n\nThey live on ice.\n\n```sh\nfeedThePenguins --now\n```")
        yield* write("c.md", "Nothing that is asked for.")
        yield* index
        assert.deepStrictEqual(yield* search("Where are the walruses?"), ["walrus.md"])
        assert.deepStrictEqual(yield* search("penguin"), ["b.md"])
        assert.deepStrictEqual(yield* search("living on ice"), ["b.md"])
        assert.deepStrictEqual(yield* search("feedThePenguins"), ["b.md"])
        assert.deepStrictEqual(yield* search("feeding"), ["b.md"])
        assert.deepStrictEqual(yield* search("zebra"), [])
      })
    )
  )

  it.effect("fails QuestionEmpty on white space", () =>
    live(
      Effect.gen(function* () {
        const { library } = yield* temp
        const error = yield* Effect.flip(Stream.runCollect(library.search(" \n\t ")))
        assert.strictEqual(error._tag, "QuestionEmpty")
        assert.strictEqual(error.message, "The question is empty")
      })
    )
  )

  it.effect("finds nothing, and does not fail, for questions without words", () =>
    live(
      Effect.gen(function* () {
        const { index, search, write } = yield* temp
        yield* write("a.md", "# A title\n\nText.")
        yield* index
        for (const question of ["???", "how do I do it", "🐧", "x".repeat(100_000)]) {
          assert.deepStrictEqual(yield* search(question), [])
        }
      })
    )
  )

  it.effect("reports a binary file and a file without permission, and indexes the rest", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, index, search, write } = yield* temp
        yield* fs.writeFile(`${folder}/binary.md`, Uint8Array.of(0x23, 0x20, 0x41, 0, 1, 2, 3))
        yield* write("closed.md", "# Closed")
        yield* write("good.md", "# Good")
        yield* write("good.txt", "good")
        yield* fs.chmod(folder, 0o755)
        yield* fs.chmod(`${folder}/closed.md`, 0o000)
        const events = yield* unprivileged(index)
        assert.deepStrictEqual(
          skipped(events).map((_) => [_.reason, _.message]),
          [
            ["Binary", `"${folder}/binary.md" is not text`],
            ["Unreadable", `"${folder}/closed.md" cannot be read: permission denied`]
          ]
        )
        assert.strictEqual(last(events).skipped, 2)
        assert.strictEqual(last(events).files, 2)
        assert.sameMembers(yield* search("good"), ["good.md", "good.txt"])
      })
    )
  )

  it.effect("reads only what has changed, and forgets what is gone", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, index, search, write } = yield* temp
        yield* write("same.md", "Seals stay.")
        yield* write("changed.md", "Whales come.")
        yield* write("gone.md", "Dodos leave.")
        yield* index
        yield* write("changed.md", "Dolphins come instead.")
        yield* fs.remove(`${folder}/gone.md`)
        const { files, indexed, removed, unchanged } = last(yield* index)
        assert.deepStrictEqual(
          { files, indexed, removed, unchanged },
          { files: 2, indexed: 1, removed: 1, unchanged: 1 }
        )
        assert.deepStrictEqual(yield* search("seals"), ["same.md"])
        assert.deepStrictEqual(yield* search("dolphins"), ["changed.md"])
        assert.deepStrictEqual(yield* search("whales"), [])
        assert.deepStrictEqual(yield* search("dodos"), [])
      })
    )
  )

  it.effect("keeps the documents of one folder while another is indexed", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, library, search } = yield* temp
        yield* fs.makeDirectory(`${folder}/one`)
        yield* fs.makeDirectory(`${folder}/two`)
        yield* fs.writeFileString(`${folder}/one/a.md`, "Seals.")
        yield* fs.writeFileString(`${folder}/two/a.md`, "Seals.\n\nMore.")
        yield* Stream.runDrain(library.index({ folder: `${folder}/one` }))
        yield* Stream.runDrain(library.index({ folder: `${folder}/two` }))
        assert.sameMembers(yield* search("seals"), ["one/a.md", "two/a.md"])
      })
    )
  )

  it.effect("reads a document again whose indexing was interrupted", () =>
    live(
      Effect.gen(function* () {
        const { index, library, search, write, folder } = yield* temp
        const section = (_: unknown, i: number) => `# Section ${i}\n\n${"A sentence about seals. ".repeat(50)}\n`
        yield* write("a.md", "First.")
        yield* write("long.md", Array.from({ length: 400 }, section).join("\n"))
        const started = yield* Deferred.make<void>()
        const fiber = yield* library.index({ folder }).pipe(
          Stream.runForEach(() => Deferred.succeed(started, void 0)),
          Effect.forkChild
        )
        yield* Deferred.await(started)
        let passages = 0
        while (passages < 50) {
          yield* Effect.yieldNow
          passages = (yield* library.size).passages
        }
        yield* Fiber.interrupt(fiber)
        assert.isBelow((yield* library.size).passages, 401)
        yield* index
        assert.deepStrictEqual(yield* library.size, { files: 2, passages: 401 })
        assert.include(yield* search("section 399"), "long.md")
      })
    )
  )

  it.effect("indexes one folder once when it is asked for twice at the same time", () =>
    live(
      Effect.gen(function* () {
        const { index, library, write } = yield* temp
        for (let i = 0; i < 20; i++) yield* write(`${i}.md`, `Document ${i}.`)
        const all = yield* Effect.all([index, index], { concurrency: 2 })
        assert.deepStrictEqual(all.map((_) => last(_).indexed).sort(), [0, 20])
        assert.deepStrictEqual(yield* library.size, { files: 20, passages: 20 })
      })
    )
  )

  it.effect("goes on from a snapshot that went through JSON", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, index, library, write } = yield* temp
        yield* write("a.md", "Seals stay.")
        yield* write("b.md", "Whales come.")
        yield* index
        const json = JSON.stringify(yield* library.snapshot)
        yield* fs.remove(`${folder}/b.md`)

        const restored = yield* makeLibrary
        yield* restored.restore(JSON.parse(json), new Set([folder]))
        assert.deepStrictEqual(yield* restored.size, { files: 2, passages: 2 })
        assert.strictEqual((yield* Stream.runCollect(restored.search("whales"))).length, 1)
        const { indexed, removed, unchanged } = last(yield* Stream.runCollect(restored.index({ folder })))
        assert.deepStrictEqual({ indexed, removed, unchanged }, { indexed: 0, removed: 1, unchanged: 1 })
        assert.strictEqual((yield* Stream.runCollect(restored.search("whales"))).length, 0)
      })
    )
  )

  it.effect("takes from a snapshot only the folders it is told to", () =>
    live(
      Effect.gen(function* () {
        const { index, library, write } = yield* temp
        yield* write("a.md", "Seals stay.")
        yield* index
        const restored = yield* makeLibrary
        yield* restored.restore(yield* library.snapshot, new Set(["elsewhere"]))
        assert.deepStrictEqual(yield* restored.size, { files: 0, passages: 0 })
      })
    )
  )

  it.live("reads again what was touched, and indexes it again only when it says something else", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, index, search, write } = yield* temp
        const at = (name: string, seconds: number) => fs.utimes(`${folder}/${name}`, seconds, seconds)
        yield* write("a.md", "Seals stay.")
        yield* at("a.md", 1000)
        yield* index
        yield* at("a.md", 2000)
        assert.deepInclude(last(yield* index), { indexed: 0, unchanged: 1 })
        yield* write("a.md", "Seals went.")
        yield* at("a.md", 3000)
        assert.deepInclude(last(yield* index), { indexed: 1, unchanged: 0 })
        assert.include(yield* search("went"), "a.md")

        // As large, and changed within the same tick of the clock.
        yield* write("a.md", "Seals slept")
        const now = Date.now() / 1000
        yield* at("a.md", now)
        yield* index
        yield* write("a.md", "Seals swims")
        yield* at("a.md", now)
        assert.deepInclude(last(yield* index), { indexed: 1, unchanged: 0 })
      })
    )
  )

  it.effect("refuses a snapshot that it cannot read and keeps what it has", () =>
    live(
      Effect.gen(function* () {
        const { index, library, write } = yield* temp
        yield* write("a.md", "Seals stay.")
        yield* index
        const good = yield* library.snapshot
        for (const bad of [
          { ...good, version: 0 },
          { ...good, index: { ...good.index, terms: { ...good.index.terms, serializationVersion: 99 } } }
        ]) {
          assert.strictEqual((yield* Effect.flip(library.restore(bad, new Set())))._tag, "SnapshotInvalid")
        }
        assert.deepStrictEqual(yield* library.size, { files: 1, passages: 1 })
      })
    )
  )
})
