/**
 * Watches a folder of documents and those inside it. What the operating system tells of them is seen soon. What it does not tell is
 * seen all the same, later: network drives and some containers tell nothing, and there are bounds on how many folders may be watched.
 */
import { Deferred, type Duration, Effect, FiberMap, FileSystem, Path, Queue, type Scope, Stream } from "effect"
import * as DocumentFolder from "./DocumentFolder.ts"

/**
 * Changes seldom come alone: they are told when the folder has been left alone for this long.
 */
const calm = "300 millis"

/**
 * Operating systems bound how many folders may be watched.
 */
const maxWatched = 2000

/**
 * A watched folder.
 *
 * @category models
 * @since 0.1.0
 */
export interface FolderWatch {
  /** Watches what is there now: what changes from then on ends `changed`. */
  readonly update: Effect.Effect<void>
  /** Waits for a change since the last `update`. */
  readonly changed: Effect.Effect<void>
}

/**
 * Watches a folder until the scope closes, and looks at it every `lookAgain` in case nothing is told (default: 30 seconds).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  source: DocumentFolder.DocumentFolder,
  lookAgain: Duration.Input = "30 seconds"
): Effect.fn.Return<FolderWatch, never, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const watchers = yield* FiberMap.make<string>()
  const changes = yield* Queue.sliding<void>(1)
  let seen = ""
  let isWarned = false

  const look = DocumentFolder.walk(source).pipe(
    Effect.map(({ files, folders }) => ({
      folders: new Set(folders.slice(0, maxWatched)),
      versions: files.map((_) => `${_.file} ${_.version}`).join("\n")
    })),
    Effect.catch(({ message }) => Effect.succeed({ folders: new Set<string>(), versions: message })),
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.provideService(Path.Path, path)
  )

  const warn = (why: unknown) => {
    if (isWarned) return Effect.void
    isWarned = true
    const message = why instanceof Error ? why.message : String(why)
    return Effect.logWarning(`${source.folder}: some changes are seen late: ${message}`)
  }

  const watch = Effect.fnUntraced(function* (folder: string) {
    const ready = yield* Deferred.make<void>()
    const watched = fs.watch(folder, { onReady: () => Deferred.doneUnsafe(ready, Effect.void) }).pipe(
      Stream.tap(() => Queue.offer(changes, undefined)),
      // Told of the folder itself, it is gone: what is made anew under its name wants to be watched anew.
      Stream.takeUntil((event) => event._tag === "Remove" && event.path === path.basename(folder)),
      Stream.runDrain,
      Effect.catch(warn),
      Effect.catchDefect(warn),
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
  })

  const settled: Effect.Effect<void> = Effect.flatMap(Effect.timeoutOption(Queue.take(changes), calm), (more) =>
    more._tag === "Some" ? settled : Effect.void
  )
  const untold = look.pipe(Effect.delay(lookAgain), Effect.repeat({ until: ({ versions }) => versions !== seen }))
  return { update, changed: Effect.andThen(Effect.race(Queue.take(changes), untold), settled) }
})
