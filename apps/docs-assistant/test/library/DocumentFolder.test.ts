import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, type Scope } from "effect"
import * as DocumentFolder from "../../src/library/DocumentFolder.ts"
import { unprivileged } from "./Unprivileged.ts"

const temp = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  const write = Effect.fnUntraced(function* (name: string, content: string) {
    yield* fs.makeDirectory(path.dirname(path.join(folder, name)), { recursive: true })
    yield* fs.writeFileString(path.join(folder, name), content)
  })
  const names = (walk: DocumentFolder.Walk) => walk.files.map((_) => _.file.slice(folder.length + 1))
  const reasons = (walk: DocumentFolder.Walk) =>
    walk.skipped.map((_) => `${_.path.slice(folder.length + 1)}: ${_.reason}`)
  return { fs, folder, write, names, reasons }
})

const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("DocumentFolder.walk", () => {
  it.effect("takes Markdown and text in the order of names, and counts what is no document", () =>
    live(
      Effect.gen(function* () {
        const { folder, names, write } = yield* temp
        yield* write("b.md", "# B")
        yield* write("a/deep/er.txt", "text")
        yield* write("README", "no extension")
        yield* write("picture.png", "png")
        yield* write("module.ts", "/** doc */\nexport const a = 1")
        yield* write("node_modules/x/readme.md", "")
        yield* write("dist/readme.md", "")
        yield* write(".git/config.txt", "")
        const walk = yield* DocumentFolder.walk({ folder })
        assert.deepStrictEqual(names(walk), ["README", "a/deep/er.txt", "b.md"])
        assert.strictEqual(walk.ignored, 2)
        assert.deepStrictEqual(walk.skipped, [])
      })
    )
  )

  it.effect("takes TypeScript modules when asked, but not their tests and internals", () =>
    live(
      Effect.gen(function* () {
        const { folder, names, write } = yield* temp
        yield* write("Queue.ts", "")
        yield* write("Queue.test.ts", "")
        yield* write("internal/ring.ts", "")
        assert.deepStrictEqual(names(yield* DocumentFolder.walk({ folder, typescript: true })), ["Queue.ts"])
      })
    )
  )

  it.effect("names files without a dot when the folder is the current one", () =>
    live(
      Effect.gen(function* () {
        const walk = yield* DocumentFolder.walk({ folder: "." })
        assert.isTrue(walk.files.every((_) => !_.file.startsWith(".") && !_.file.startsWith("/")))
      })
    )
  )

  it.effect("fails FolderNotFound where nothing is", () =>
    live(
      Effect.gen(function* () {
        const { folder } = yield* temp
        for (const missing of [`${folder}/missing`, "", "  "]) {
          const error = yield* Effect.flip(DocumentFolder.walk({ folder: missing }))
          assert.strictEqual(error._tag, "FolderNotFound")
          assert.strictEqual(error.message, `There is no folder "${missing}"`)
        }
      })
    )
  )

  it.effect("fails NotAFolder on a file", () =>
    live(
      Effect.gen(function* () {
        const { folder, write } = yield* temp
        yield* write("a.md", "# A")
        const error = yield* Effect.flip(DocumentFolder.walk({ folder: `${folder}/a.md` }))
        assert.strictEqual(error._tag, "NotAFolder")
        assert.include(error.message, "is not a folder")
      })
    )
  )

  it.effect("reports a folder inside that may not be read, and goes on", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, names, reasons, write } = yield* temp
        yield* write("closed/secret.md", "# Secret")
        yield* write("open.md", "# Open")
        yield* fs.chmod(folder, 0o755)
        yield* fs.chmod(`${folder}/closed`, 0o000)
        const walk = yield* unprivileged(DocumentFolder.walk({ folder }))
        assert.deepStrictEqual(names(walk), ["open.md"])
        assert.deepStrictEqual(reasons(walk), ["closed: Unreadable"])
        assert.include(walk.skipped[0]?.message, "permission denied")
        const error = yield* Effect.flip(unprivileged(DocumentFolder.walk({ folder: `${folder}/closed` })))
        assert.strictEqual(error._tag, "FolderUnreadable")
      })
    )
  )

  it.effect("skips a file of 50 MB and says how large it may be", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, names, write } = yield* temp
        yield* write("small.md", "# Small")
        yield* write("large.md", "")
        yield* fs.truncate(`${folder}/large.md`, 50_000_000)
        const walk = yield* DocumentFolder.walk({ folder })
        assert.deepStrictEqual(names(walk), ["small.md"])
        assert.strictEqual(walk.skipped[0]?.message, `"${folder}/large.md" is too large: 50.0 MB, the limit is 5.0 MB`)
      })
    )
  )

  it.effect("ends on links in a circle, takes each file once, and stays inside the folder", () =>
    live(
      Effect.gen(function* () {
        const { folder, fs, names, reasons, write } = yield* temp
        yield* write("docs/a.md", "# A")
        yield* fs.symlink("..", `${folder}/docs/up`)
        yield* fs.symlink(".", `${folder}/docs/self`)
        yield* fs.symlink("a.md", `${folder}/docs/b.md`)
        yield* fs.symlink("/etc", `${folder}/etc`)
        yield* fs.symlink("nothing", `${folder}/broken.md`)
        const walk = yield* DocumentFolder.walk({ folder })
        assert.deepStrictEqual(names(walk), ["docs/a.md"])
        assert.deepStrictEqual(reasons(walk), ["broken.md: Unreadable", "etc: LinkOutside"])
      })
    )
  )

  it.effect("stops at the limits of files and bytes and says so once", () =>
    live(
      Effect.gen(function* () {
        const { folder, names, reasons, write } = yield* temp
        for (const name of ["1.md", "2.md", "3.md", "4.md"]) yield* write(name, "0123456789")
        const few = yield* DocumentFolder.walk({ folder, maxFiles: 2 })
        assert.deepStrictEqual(names(few), ["1.md", "2.md"])
        assert.deepStrictEqual(reasons(few), ["3.md: TooMany"])
        const short = yield* DocumentFolder.walk({ folder, maxTotalBytes: 35 })
        assert.deepStrictEqual(names(short), ["1.md", "2.md", "3.md"])
        assert.deepStrictEqual(reasons(short), ["4.md: TooMany"])
      })
    )
  )
})
