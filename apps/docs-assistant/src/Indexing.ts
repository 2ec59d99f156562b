/**
 * Keeps a runtime for each folder of documents, and has it indexed in the background from the start on.
 */
import { RuntimeManager } from "@agent-runtime/core"
import type { AgentError } from "@agent-runtime/schema"
import { Effect, Layer, Path } from "effect"
import { createHash } from "node:crypto"
import { DocumentIndex, Index } from "./agents/DocumentIndex.ts"
import { DocumentSources } from "./library/DocumentSources.ts"

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
 * Has a folder indexed. When the assistant stops before the end, the runtime is told to stop too.
 */
const index = Effect.fnUntraced(
  function* (folder: string, id: string) {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.getOrCreate(DocumentIndex, { id, state: { folder } })
    const { files, millis, passages } = yield* runtime.ask(Index.make(), { cancelOnInterrupt: true })
    yield* Effect.logInfo(
      `Indexed ${folder}: ${files} documents, ${passages} passages (${(millis / 1000).toFixed(1)} s)`
    )
  },
  (effect, folder) => Effect.catch(effect, (error) => Effect.logError(`Indexing ${folder} failed: ${error.message}`))
)

/**
 * Has every folder indexed in the background.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  never,
  Effect.Error<ReturnType<typeof endOthers>> | AgentError.StoreUnavailable,
  RuntimeManager.RuntimeManager | Path.Path
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const path = yield* Path.Path
    const runtimes = new Map((yield* DocumentSources).map(({ folder }) => [runtimeId(path.resolve(folder)), folder]))
    yield* endOthers(new Set(runtimes.keys()))
    for (const [id, folder] of runtimes) yield* Effect.forkScoped(index(folder, id))
  })
)
