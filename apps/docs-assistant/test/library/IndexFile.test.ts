import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { DocumentLibrary } from "../../src/library/DocumentLibrary.ts"
import { DocumentSources } from "../../src/library/DocumentSources.ts"
import * as IndexFile from "../../src/library/IndexFile.ts"

const temp = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const file = `${yield* fs.makeTempDirectoryScoped()}/index`
  /** A process that indexes the folder: how many documents it reads, and what it finds. */
  const start = (wait: Effect.Effect<unknown, unknown> = Effect.void) =>
    Effect.gen(function* () {
      const library = yield* DocumentLibrary
      const isKnown = yield* library.isIndexed(folder)
      const events = yield* Stream.runCollect(library.index({ folder }))
      const finished = events.find((_) => _._tag === "Finished")
      yield* wait
      const found = yield* Stream.runCollect(library.search("penguin"))
      return { isKnown, read: finished?.indexed, found: found.map((_) => _.text) }
    }).pipe(
      Effect.provide(IndexFile.layer(file)),
      Effect.provideService(DocumentSources, [{ folder }]),
      Effect.provide(Layer.fresh(NodeServices.layer))
    )
  const written = fs.exists(file).pipe(Effect.repeat({ until: (exists) => exists }))
  return {
    file,
    folder,
    fs,
    start,
    written,
    write: (name: string, text: string) => fs.writeFileString(`${folder}/${name}`, text)
  }
})

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | import("effect").Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("IndexFile", () => {
  it.live("has the next start read only what has changed", () =>
    live(
      Effect.gen(function* () {
        const { start, write, written } = yield* temp
        yield* write("a.md", "A penguin.")
        yield* write("b.md", "A seal.")
        assert.deepStrictEqual(yield* start(written), { isKnown: false, read: 2, found: ["A penguin."] })
        yield* write("b.md", "Another penguin.")
        const { found, isKnown, read } = yield* start()
        assert.deepStrictEqual({ isKnown, read }, { isKnown: true, read: 1 })
        assert.sameMembers(found, ["A penguin.", "Another penguin."])
      })
    )
  )

  it.live("indexes anew where the file is damaged", () =>
    live(
      Effect.gen(function* () {
        const { file, fs, start, write, written } = yield* temp
        yield* write("a.md", "A penguin.")
        yield* start(written)
        const text = yield* fs.readFileString(file)
        for (const damaged of ["", "{}", text.slice(0, -10), text.replace("{", "["), "null\nend", "\0\0\0"]) {
          yield* fs.writeFileString(file, damaged)
          assert.deepStrictEqual(yield* start(), { isKnown: false, read: 1, found: ["A penguin."] })
        }
      })
    )
  )
})
