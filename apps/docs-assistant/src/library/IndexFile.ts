/**
 * Keeps the index in a file, so that the next start reads only what has changed. The file is no more than a copy: where it is
 * missing or damaged, the folders are indexed anew.
 */
import { Effect, Fiber, FileSystem, Layer, type Path, Queue, Schema, Stream } from "effect"
import { DocumentLibrary, make, type Snapshot } from "./DocumentLibrary.ts"
import { DocumentSources } from "./DocumentSources.ts"
import { SnapshotInvalid } from "./LibraryError.ts"

/**
 * The index is written when nothing has changed for this long: writing a large one takes a moment.
 */
const calm = "3 seconds"

/**
 * A line of the file holds this many passages, so that others have their turn between two lines.
 */
const passagesPerLine = 500

const decodeHead = Schema.decodeUnknownEffect(
  Schema.Struct({ version: Schema.Int, complete: Schema.Array(Schema.String), nextId: Schema.Int })
)

const write = Effect.fnUntraced(function* (file: string, { complete, files, index, version }: Snapshot) {
  const fs = yield* FileSystem.FileSystem
  const parts: Array<unknown> = [{ version, complete, nextId: index.nextId }, files, index.terms]
  for (let at = 0; at < index.passages.length; at += passagesPerLine) {
    parts.push(index.passages.slice(at, at + passagesPerLine))
  }
  const lines = yield* Effect.forEach(parts, (part) =>
    Effect.as(Effect.yieldNow, part).pipe(Effect.map((part) => JSON.stringify(part)))
  )
  // Written whole before it takes the place of the one before: a crash leaves either.
  yield* fs.writeFileString(`${file}.new`, `${lines.join("\n")}\nend`)
  yield* fs.rename(`${file}.new`, file)
})

const parse = Effect.fnUntraced(function* (text: string): Effect.fn.Return<Snapshot, SnapshotInvalid> {
  const lines = text.split("\n")
  if (lines.pop() !== "end") return yield* SnapshotInvalid.of("it ends too soon")
  const parts = yield* Effect.forEach(lines, (line) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.try({ try: () => JSON.parse(line), catch: (error) => SnapshotInvalid.of(String(error)) })
    )
  )
  const [head, files, terms, ...passages] = parts
  const { complete, nextId, version } = yield* Effect.mapError(decodeHead(head), ({ message }) =>
    SnapshotInvalid.of(message)
  )
  return { version, complete, files, index: { nextId, terms, passages: passages.flat() } }
})

/**
 * A library whose index is kept in a file. The file is read when the index is first needed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (file: string): Layer.Layer<DocumentLibrary, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    DocumentLibrary,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const library = yield* make
      const folders = new Set((yield* DocumentSources).map((_) => _.folder))
      const changed = yield* Queue.sliding<void>(1)

      const restore = Effect.gen(function* () {
        if (!(yield* fs.exists(file))) return
        yield* library.restore(yield* parse(yield* fs.readFileString(file)), folders)
      }).pipe(Effect.catch((error) => Effect.logWarning(`${file} is not used: ${error.message}`)))
      // Begun by whoever needs it first, and not ended with them.
      const restoring = yield* Effect.cached(Effect.forkIn(restore, yield* Effect.scope))
      const restored = Effect.flatMap(restoring, Fiber.join)

      const save = Effect.flatMap(library.snapshot, (snapshot) => write(file, snapshot)).pipe(
        Effect.catch((error) => Effect.logWarning(`${file} cannot be written: ${error.message}`)),
        Effect.provideService(FileSystem.FileSystem, fs)
      )
      const saveOnceCalm: Effect.Effect<void> = Effect.flatMap(
        Effect.timeoutOption(Queue.take(changed), calm),
        (more) => (more._tag === "Some" ? saveOnceCalm : save)
      )
      yield* Queue.take(changed).pipe(Effect.andThen(saveOnceCalm), Effect.forever, Effect.forkScoped)

      return {
        ...library,
        // What is not known yet may be in the file.
        isIndexed: (folder) => Effect.andThen(restored, library.isIndexed(folder)),
        index: (folder) =>
          Stream.unwrap(Effect.as(restored, library.index(folder))).pipe(
            Stream.tap((event) =>
              event._tag === "Finished" && event.indexed + event.removed > 0
                ? Queue.offer(changed, undefined)
                : Effect.void
            )
          )
      }
    })
  )
