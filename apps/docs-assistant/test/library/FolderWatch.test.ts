import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Path, type Scope, Stream } from "effect"
import { systemError } from "effect/PlatformError"
import { mkdirSync } from "node:fs"
import * as FolderWatch from "../../src/library/FolderWatch.ts"

const temp = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  return { fs, folder, at: (...names: ReadonlyArray<string>) => path.join(folder, ...names) }
})

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** A system that does this when it is asked to watch a folder. */
const system = (register: FileSystem.WatchBackend["Service"]["register"]) =>
  Effect.provideService(FileSystem.WatchBackend, { register })

const silent = system((_path, _info, options) => {
  options?.onReady?.()
  return Option.some(Stream.never)
})

const full = systemError({ _tag: "Unknown", module: "FileSystem", method: "watch", description: "no space left" })

/** How often a folder is looked at where only what is told shall be seen. */
const never = "1 hour"

describe("FolderWatch", () => {
  it.live("tells of files that are made, changed and removed, in folders inside it too", () =>
    live(
      Effect.gen(function* () {
        const { at, folder, fs } = yield* temp
        const { changed, update } = yield* FolderWatch.make({ folder }, never)
        const changes = [
          fs.writeFileString(at("a.md"), "A"),
          fs.makeDirectory(at("in", "side"), { recursive: true }),
          fs.writeFileString(at("in", "side", "b.md"), "B"),
          fs.writeFileString(at("in", "side", "b.md"), "other"),
          fs.remove(at("in", "side", "b.md"))
        ]
        for (const change of changes) yield* update.pipe(Effect.andThen(change), Effect.andThen(changed))
      })
    )
  )

  it.live("watches what is made anew under the name of a folder that is gone", () =>
    live(
      Effect.gen(function* () {
        const { at, folder, fs } = yield* temp
        yield* fs.makeDirectory(at("in"))
        const { changed, update } = yield* FolderWatch.make({ folder }, never)
        yield* update
        yield* fs.remove(at("in"), { recursive: true })
        yield* fs.makeDirectory(at("in"))
        yield* changed
        yield* update
        yield* fs.writeFileString(at("in", "a.md"), "A")
        yield* changed
      })
    )
  )

  it.live("watches what is made while it begins to watch the folder around it", () =>
    live(
      Effect.gen(function* () {
        const { at, folder } = yield* temp
        const watched: Array<string> = []
        const { update } = yield* FolderWatch.make({ folder }, never)
        yield* update.pipe(
          system((path, _info, options) => {
            watched.push(path)
            mkdirSync(at("in"), { recursive: true })
            options?.onReady?.()
            return Option.some(Stream.never)
          })
        )
        assert.deepStrictEqual(watched, [folder, at("in")])
      })
    )
  )

  for (const [what, where] of [
    ["is told nothing", silent],
    ["cannot watch", system(() => Option.some(Stream.fail(full)))],
    ["cannot even try to", system(() => Option.some(Stream.die(full)))]
  ] as const) {
    it.live(`sees a change when it looks again where it ${what}`, () =>
      live(
        Effect.gen(function* () {
          const { at, folder, fs } = yield* temp
          const { changed, update } = yield* FolderWatch.make({ folder }, "10 millis")
          yield* update
          yield* fs.writeFileString(at("a.md"), "A")
          yield* changed
        }).pipe(where)
      )
    )
  }

  it.live("is quiet while the folder is gone, and sees that it is back", () =>
    live(
      Effect.gen(function* () {
        const { at, fs } = yield* temp
        const { changed, update } = yield* FolderWatch.make({ folder: at("in") }, "10 millis")
        yield* update
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(changed, "500 millis")))
        yield* fs.makeDirectory(at("in"))
        yield* changed
      })
    )
  )
})
