/**
 * The documents that the assistant knows: index folders, search them, take the answer out of what was found.
 */
import { Clock, Context, Effect, FileSystem, Layer, Path, Semaphore, Stream } from "effect"
import { createHash } from "node:crypto"
import * as DocumentFolder from "./DocumentFolder.ts"
import * as DocumentPassages from "./DocumentPassages.ts"
import { type IndexEvent, Skipped } from "./IndexEvent.ts"
import { type FolderError, QuestionEmpty, SnapshotInvalid } from "./LibraryError.ts"
import { type FoundPassage, found, type Passage } from "./Passage.ts"
import * as SearchIndex from "./SearchIndex.ts"

/**
 * What the library knows, as JSON data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly version: number
  readonly complete: ReadonlyArray<string>
  readonly files: ReadonlyArray<readonly [file: string, known: KnownFile]>
  readonly index: SearchIndex.Snapshot
}

interface KnownFile {
  readonly folder: string
  /** Of the content. Absent while the file is being indexed, so that an interrupted one is read again. */
  hash?: string
  /** Of the file: while it stays, the content is not even read. Absent where it may stay though the content changes. */
  version?: string
  readonly passages: Array<number>
}

/**
 * Documents that were indexed, and the questions they answer.
 *
 * @category services
 * @since 0.1.0
 */
export class DocumentLibrary extends Context.Service<
  DocumentLibrary,
  {
    /**
     * Brings the index up to date with a folder: new and changed documents are read, those that are gone are removed. Can be
     * interrupted at any time, and searched while it runs. One folder is indexed at a time.
     */
    readonly index: (folder: DocumentFolder.DocumentFolder) => Stream.Stream<IndexEvent, FolderError>
    /** The passages that fit a question, best first, at most `limit` (default: 8). */
    readonly search: (
      question: string,
      options?: { readonly limit?: number }
    ) => Stream.Stream<FoundPassage, QuestionEmpty>
    /** The passages of a document that was indexed, in the order of its lines; none for any other file. */
    readonly document: (file: string) => Effect.Effect<ReadonlyArray<Passage>>
    /** Whether a folder has been indexed to its end. */
    readonly isIndexed: (folder: string) => Effect.Effect<boolean>
    /** The number of documents and passages. */
    readonly size: Effect.Effect<{ readonly files: number; readonly passages: number }>
    /** What is indexed, as JSON data: the next start then reads only what has changed. */
    readonly snapshot: Effect.Effect<Snapshot>
    /** Replaces what is indexed by what a snapshot has of these folders. */
    readonly restore: (snapshot: Snapshot, folders: ReadonlySet<string>) => Effect.Effect<void, SnapshotInvalid>
  }
>()("docs-assistant/library/DocumentLibrary") {}

/**
 * Changes whenever an older snapshot would no longer be searched rightly.
 */
const snapshotVersion = 2

/**
 * A file that was changed less than this before it was read may be changed again without another time: in milliseconds.
 */
const clockGrain = 2000

/**
 * The event loop gets its turn after this many characters: a few milliseconds of work.
 */
const charactersPerTurn = 20_000

/**
 * Progress is told after this many documents.
 */
const filesPerProgress = 25

const isBinary = (bytes: Uint8Array): boolean => bytes.subarray(0, 8192).includes(0)

/**
 * An empty library that reads documents from the file system.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const lock = yield* Semaphore.make(1)
  const decoder = new TextDecoder()
  let index = new SearchIndex.SearchIndex()
  let known = new Map<string, KnownFile>()
  let complete = new Set<string>()

  const forget = (file: string): void => {
    for (const id of known.get(file)?.passages ?? []) index.remove(id)
    known.delete(file)
  }

  const read = Effect.fnUntraced(function* (
    folder: string,
    { file, modified, path, version }: DocumentFolder.FoundFile
  ): Effect.fn.Return<"unchanged" | "indexed" | Skipped> {
    const before = known.get(file)
    if (before?.version === version) return "unchanged"
    const now = yield* Clock.currentTimeMillis
    const bytes = yield* Effect.catch(fs.readFile(path), (error) =>
      Effect.succeed(DocumentFolder.unreadable(file, error))
    )
    const trusted = modified < now - clockGrain ? version : undefined
    const hash = bytes instanceof Uint8Array ? createHash("sha256").update(bytes).digest("base64") : ""
    if (before !== undefined && before.hash === hash) {
      if (trusted !== undefined) before.version = trusted
      return "unchanged"
    }
    forget(file)
    if (!(bytes instanceof Uint8Array)) return bytes
    if (isBinary(bytes)) {
      return Skipped.make({ path: file, reason: "Binary", message: `"${file}" is not text` })
    }
    const entry: KnownFile = { folder, passages: [] }
    known.set(file, entry)
    let characters = 0
    for (const passage of DocumentPassages.split(file, decoder.decode(bytes))) {
      entry.passages.push(index.add(passage))
      characters += passage.text.length
      if (characters > charactersPerTurn) {
        characters = 0
        yield* Effect.yieldNow
      }
    }
    entry.hash = hash
    if (trusted !== undefined) entry.version = trusted
    yield* Effect.yieldNow
    return "indexed"
  })

  const indexFolder = (options: DocumentFolder.DocumentFolder): Stream.Stream<IndexEvent, FolderError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        yield* Semaphore.takeScoped(lock, 1)
        const started = yield* Clock.currentTimeMillis
        const { folder } = options
        const { files, ignored, skipped } = yield* DocumentFolder.walk(options)

        let removed = 0
        const present = new Set(files.map((_) => _.file))
        for (const [file, entry] of known) {
          if (entry.folder !== folder || present.has(file)) continue
          forget(file)
          removed++
        }

        let done = 0
        let indexed = 0
        let bad = skipped.length
        const progress = (): IndexEvent => ({
          _tag: "Progress",
          folder,
          files: done,
          total: files.length,
          passages: index.size
        })
        const update = Effect.fnUntraced(function* (found: DocumentFolder.FoundFile) {
          const events: Array<IndexEvent> = []
          const outcome = yield* read(folder, found)
          if (outcome === "indexed") indexed++
          else if (outcome !== "unchanged") {
            bad++
            events.push(outcome)
          }
          if (++done % filesPerProgress === 0) events.push(progress())
          return events
        })
        const finish = Effect.map(Clock.currentTimeMillis, (now): Array<IndexEvent> => {
          complete.add(folder)
          const here = [...known.values()].filter((_) => _.folder === folder)
          return [
            progress(),
            {
              _tag: "Finished",
              folder,
              files: here.length,
              passages: here.reduce((sum, _) => sum + _.passages.length, 0),
              indexed,
              unchanged: here.length - indexed,
              removed,
              skipped: bad,
              ignored,
              millis: now - started
            }
          ]
        })

        return Stream.fromIterable<IndexEvent>([...skipped, progress()]).pipe(
          Stream.concat(Stream.fromIterable(files).pipe(Stream.mapEffect(update), Stream.flattenIterable)),
          Stream.concat(Stream.fromEffect(finish).pipe(Stream.flattenIterable))
        )
      })
    ).pipe(Stream.provideService(FileSystem.FileSystem, fs), Stream.provideService(Path.Path, path))

  return DocumentLibrary.of({
    index: indexFolder,
    search: (question, { limit = 8 } = {}) =>
      Stream.suspend(() =>
        question.trim() === ""
          ? Stream.fail(QuestionEmpty.of())
          : Stream.fromIterable(index.search(question, limit).map(([passage, score]) => found(passage, score)))
      ),
    document: (file) => Effect.sync(() => (known.get(file)?.passages ?? []).flatMap((id) => index.get(id) ?? [])),
    isIndexed: (folder) => Effect.sync(() => complete.has(folder)),
    size: Effect.sync(() => ({ files: known.size, passages: index.size })),
    snapshot: Effect.sync(() => ({
      version: snapshotVersion,
      complete: [...complete],
      files: [...known],
      index: index.snapshot()
    })),
    restore: (snapshot, folders) =>
      Effect.gen(function* () {
        if (snapshot.version !== snapshotVersion) {
          return yield* SnapshotInvalid.of(`it is of version ${snapshot.version}, not ${snapshotVersion}`)
        }
        const restored = yield* Effect.tryPromise({
          try: async () => ({
            index: await SearchIndex.SearchIndex.restore(snapshot.index),
            known: new Map(snapshot.files),
            complete: new Set(snapshot.complete)
          }),
          catch: (error) => SnapshotInvalid.of(String(error))
        })
        ;({ complete, index, known } = restored)
        for (const [file, { folder }] of known) if (!folders.has(folder)) forget(file)
      }).pipe(lock.withPermit)
  })
})

/**
 * An empty library that reads documents from the file system.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<DocumentLibrary, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  DocumentLibrary,
  make
)
