/**
 * Keeps a runtime for each folder of documents: has it indexed in the background from the start on, and again when something
 * in it changes.
 */
import { RuntimeManager } from "@agent-runtime/core"
import { Deferred, Effect, FiberMap, FileSystem, Layer, Path, Queue, Stream } from "effect"
import { createHash } from "node:crypto"
import { DocumentIndex, Index } from "./agents/DocumentIndex.ts"
import * as DocumentFolder from "./library/DocumentFolder.ts"
import { DocumentSources } from "./library/DocumentSources.ts"

/**
 * Changes seldom come alone: the folder is looked at when it has been left alone for this long.
 */
const calm = "300 millis"

/**
 * Operating systems bound how many folders may be watched.
 */
const maxWatched = 2000

/**
 * The id of a folder's runtime: the same at every start, and readable.
 *
 * @category combinators
 * @since 0.1.0
 */
export const runtimeId = (path: string): string => {
  const name = path
    .slice(path.search(/[^/\\]*[/\\]*$/))
    .replace(/[^A-Za-z0-9_-]/g, "")
    .slice(0, 40)
  return `index-${name}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`
}

/**
 * Ends the runtimes of folders that the assistant was not started with this time.
 */
const endOthers = Effect.fnUntraced(function* (ids: ReadonlySet<string>) {
  const manager = yield* RuntimeManager.RuntimeManager
  let cursor: string | undefined
  do {
    const page = yield* manager.list({ agent: DocumentIndex.name, cursor })
    for (const { id } of page.items) {
      if (ids.has(id)) continue
      yield* manager.terminate(id, { mode: "immediate" })
      yield* manager.purge(id)
    }
    cursor = page.nextCursor
  } while (cursor !== undefined)
})

/**
 * Not every file system tells of changes (network drives and some containers do not): it is looked at this often all the same.
 */
const lookAgain = "30 seconds"

/**
 * Watches a folder and those inside it. Answers two effects: one watches what is there now, the other waits for a change.
 */
const watching = Effect.fnUntraced(function* (source: DocumentFolder.DocumentFolder) {
  const fs = yield* FileSystem.FileSystem
  const watchers = yield* FiberMap.make<string>()
  const changes = yield* Queue.sliding<void>(1)
  let seen = ""

  const look = Effect.map(DocumentFolder.walk(source), ({ files, folders }) => ({
    folders: new Set(folders.slice(0, maxWatched)),
    versions: files.map((_) => `${_.file} ${_.version}`).join("\n")
  }))

  const watch = Effect.fnUntraced(function* (folder: string) {
    const ready = yield* Deferred.make<void>()
    const watched = fs.watch(folder, { onReady: () => Deferred.doneUnsafe(ready, Effect.void) }).pipe(
      Stream.runForEach(() => Queue.offer(changes, undefined)),
      Effect.catch((error) => Effect.logWarning(`Changes in ${folder} are seen late: ${error.message}`)),
      Effect.ensuring(Deferred.succeed(ready, undefined))
    )
    yield* FiberMap.run(watchers, folder, watched)
    yield* Deferred.await(ready)
  })

  // What is made before the folder around it is watched is found by looking again.
  const update = Effect.gen(function* () {
    const tried = new Set<string>()
    for (let more = true; more;) {
      const { folders, versions } = yield* look
      seen = versions
      for (const [folder] of watchers) if (!folders.has(folder)) yield* FiberMap.remove(watchers, folder)
      const added = [...folders].filter((folder) => !tried.has(folder) && !FiberMap.hasUnsafe(watchers, folder))
      for (const folder of added) yield* watch(folder)
      for (const folder of added) tried.add(folder)
      more = added.length > 0
    }
  }).pipe(Effect.ignore)

  const settled: Effect.Effect<void> = Effect.flatMap(Effect.timeoutOption(Queue.take(changes), calm), (more) =>
    more._tag === "Some" ? settled : Effect.void
  )
  const unseen = look.pipe(
    Effect.delay(lookAgain),
    Effect.map(({ versions }) => versions !== seen),
    Effect.orElseSucceed(() => true),
    Effect.repeat({ until: (changed) => changed })
  )
  return { update, changed: Effect.andThen(Effect.race(Queue.take(changes), unseen), settled) }
})

/**
 * Has a folder indexed, now and after each change. When the assistant stops before the end, the runtime is told to stop too.
 */
const keep = Effect.fnUntraced(function* (source: DocumentFolder.DocumentFolder, id: string) {
  const { folder } = source
  const manager = yield* RuntimeManager.RuntimeManager
  const runtime = yield* manager.getOrCreate(DocumentIndex, { id, state: { folder } })
  const { changed, update } = yield* watching(source)
  const index = Effect.gen(function* () {
    const { files, indexed, millis, passages, removed } = yield* runtime.ask(Index.make(), { cancelOnInterrupt: true })
    const seconds = (millis / 1000).toFixed(1)
    yield* Effect.logInfo(
      `${folder}: ${files} documents, ${passages} passages; ${indexed} read, ${removed} gone (${seconds} s)`
    )
  }).pipe(Effect.catch((error) => Effect.logError(`${folder} cannot be indexed: ${error.message}`)))
  // Watched first: what changes while it is indexed is seen.
  yield* Effect.forever(update.pipe(Effect.andThen(index), Effect.andThen(changed)))
})

/**
 * Has every folder indexed in the background and watched.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  never,
  Effect.Error<ReturnType<typeof endOthers>>,
  FileSystem.FileSystem | Path.Path | RuntimeManager.RuntimeManager
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const path = yield* Path.Path
    const runtimes = new Map((yield* DocumentSources).map((source) => [runtimeId(path.resolve(source.folder)), source]))
    yield* endOthers(new Set(runtimes.keys()))
    for (const [id, source] of runtimes) {
      yield* keep(source, id).pipe(
        Effect.catch((error) => Effect.logError(`${source.folder} is not indexed: ${error.message}`)),
        Effect.forkScoped
      )
    }
  })
)
