/**
 * Keeps a runtime for each folder of documents: has it indexed in the background from the start on, and again when something
 * in it changes.
 */
import { RuntimeManager } from "@agent-runtime/core"
import { Effect, type FileSystem, Layer, Path } from "effect"
import { createHash } from "node:crypto"
import { DocumentIndex, Index } from "./agents/DocumentIndex.ts"
import * as DocumentFolder from "./library/DocumentFolder.ts"
import { DocumentSources } from "./library/DocumentSources.ts"
import * as FolderWatch from "./library/FolderWatch.ts"

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
 * Has a folder indexed, now and after each change. When the assistant stops before the end, the runtime is told to stop too.
 */
const keep = Effect.fnUntraced(function* (source: DocumentFolder.DocumentFolder, id: string) {
  const { folder } = source
  const manager = yield* RuntimeManager.RuntimeManager
  const { changed, update } = yield* FolderWatch.make(source)
  const index = Effect.gen(function* () {
    // Each time: it may have been ended from outside.
    const runtime = yield* manager.getOrCreate(DocumentIndex, { id, state: { folder } })
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
      yield* Effect.forkScoped(keep(source, id))
    }
  })
)
