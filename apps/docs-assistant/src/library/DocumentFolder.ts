/**
 * Finds the documents in a folder. Whatever is wrong with a single file is reported and the rest goes on: a bad link, a huge
 * file or a folder without permission never ends a walk.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Skipped } from "./IndexEvent.ts"
import { type FolderError, FolderNotFound, FolderUnreadable, NotAFolder } from "./LibraryError.ts"

/**
 * A folder of documents, and which of its files are taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface DocumentFolder {
  /** The folder; files are named by this text followed by their path inside it. */
  readonly folder: string
  /** Take the documentation comments of TypeScript modules too (default: no). */
  readonly typescript?: boolean
  /** Skip files of more bytes than this (default: 5 MB). */
  readonly maxFileBytes?: number
  /** Stop after this many files (default: 10,000). */
  readonly maxFiles?: number
  /** Stop when the files together exceed this many bytes (default: 64 MB). */
  readonly maxTotalBytes?: number
}

/**
 * A document that was found: `path` opens it, `file` names it to people, `modified` is when it was last changed in milliseconds
 * since the Unix epoch, and `version` changes when its content may have.
 *
 * @category models
 * @since 0.1.0
 */
export interface FoundFile {
  readonly path: string
  readonly file: string
  readonly modified: number
  readonly version: string
}

/**
 * What a walk found. `folders` are the real paths of those it went through, `ignored` counts files that are no documents by
 * their name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Walk {
  readonly files: ReadonlyArray<FoundFile>
  readonly folders: ReadonlyArray<string>
  readonly skipped: ReadonlyArray<Skipped>
  readonly ignored: number
}

const skippedFolders = new Set(["node_modules", "dist", "build", "coverage"])
const documentName = /(\.(md|mdx|markdown|txt|text|rst|adoc)|^[^.]+)$/i
const moduleName = /(?<!\.(test|spec))\.[cm]?tsx?$/i

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

const why = (error: PlatformError): string => {
  switch (error.reason._tag) {
    case "PermissionDenied":
      return "permission denied"
    case "NotFound":
      return "it does not exist (any more)"
    default:
      return error.reason._tag === "BadArgument"
        ? "bad path"
        : (error.reason.syscall ?? "input/output error") + " failed"
  }
}

/**
 * A report of a file that could not be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreadable = (path: string, error: PlatformError): Skipped => ({
  _tag: "Skipped",
  path,
  reason: "Unreadable",
  message: `"${path}" cannot be read: ${why(error)}`
})

/**
 * The real path of a folder that can be read. Fails `FolderNotFound`, `NotAFolder` or `FolderUnreadable`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* (
  folder: string
): Effect.fn.Return<string, FolderError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  // The empty path would mean the current folder.
  if (folder.trim() === "") return yield* FolderNotFound.of(folder)
  const root = yield* Effect.mapError(fs.realPath(folder), (error) =>
    error.reason._tag === "NotFound" ? FolderNotFound.of(folder) : FolderUnreadable.of(folder, why(error))
  )
  const unreadable = (error: PlatformError) => FolderUnreadable.of(folder, why(error))
  const info = yield* Effect.mapError(fs.stat(root), unreadable)
  if (info.type !== "Directory") return yield* NotAFolder.of(folder)
  yield* Effect.mapError(fs.readDirectory(root), unreadable)
  return root
})

/**
 * Finds the documents in a folder, in the order of their names.
 *
 * Left out without a report: folders that begin with a dot, `node_modules`, `dist`, `build` and `coverage`; of TypeScript
 * modules also tests and what is `internal`. Links are followed as long as they stay inside the folder.
 *
 * Fails with `FolderNotFound`, `NotAFolder` or `FolderUnreadable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const walk = Effect.fn("DocumentFolder.walk")(function* (
  options: DocumentFolder
): Effect.fn.Return<Walk, FolderError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const {
    folder,
    maxFileBytes = 5_000_000,
    maxFiles = 10_000,
    maxTotalBytes = 64_000_000,
    typescript = false
  } = options

  const files: Array<FoundFile> = []
  const folders: Array<string> = []
  const skipped: Array<Skipped> = []
  const visited = new Set<string>()
  let ignored = 0
  let totalBytes = 0
  let full = false

  const skip = (path: string, reason: Skipped["reason"], message: string): void => {
    skipped.push({ _tag: "Skipped", path, reason, message: `"${path}" ${message}` })
  }
  const isDocument = (file: string, name: string): boolean =>
    documentName.test(name) || (typescript && moduleName.test(name) && !file.includes("/internal/"))

  const root = yield* open(folder)

  const visit = (real: string, file: string, name: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      // Two links to one place, or a link to a folder around it: the first visit is enough.
      if (visited.has(real)) return
      visited.add(real)
      const info = yield* fs.stat(real)
      if (info.type === "Directory") return yield* visitFolder(real, `${file}/`)
      if (!isDocument(file, name)) {
        ignored++
        return
      }
      const bytes = Number(info.size)
      if (info.type !== "File") {
        skip(file, "NotAFile", "is not a regular file")
      } else if (bytes > maxFileBytes) {
        skip(file, "TooLarge", `is too large: ${megabytes(bytes)}, the limit is ${megabytes(maxFileBytes)}`)
      } else if (files.length >= maxFiles || totalBytes + bytes > maxTotalBytes) {
        full = true
        skip(
          file,
          "TooMany",
          `and what follows it are left out: ${files.length} files, ${megabytes(totalBytes)} are enough`
        )
      } else {
        const modified = Option.match(info.mtime, {
          onNone: () => Number.POSITIVE_INFINITY,
          onSome: (_) => _.getTime()
        })
        totalBytes += bytes
        files.push({ path: real, file, modified, version: `${modified}-${bytes}-${real}` })
      }
    }).pipe(
      Effect.catch((error) => Effect.sync(() => skipped.push(unreadable(file, error)))),
      Effect.asVoid
    )

  const visitFolder = Effect.fnUntraced(function* (real: string, prefix: string) {
    folders.push(real)
    const entries = [...(yield* fs.readDirectoryEntries(real))].sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const { name, type } of entries) {
      if (full) return
      if (name.startsWith(".") || skippedFolders.has(name)) continue
      const inner = prefix + name
      if (type === "File" && !isDocument(inner, name)) {
        ignored++
        continue
      }
      if (type !== "SymbolicLink" && type !== "Unknown") {
        yield* visit(path.join(real, name), inner, name)
        continue
      }
      const target = yield* Effect.option(fs.realPath(path.join(real, name)))
      if (Option.isNone(target)) {
        skip(inner, "Unreadable", "is a link that leads nowhere")
      } else if (target.value !== root && !target.value.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) {
        skip(inner, "LinkOutside", "is a link that leads out of the folder")
      } else {
        yield* visit(target.value, inner, name)
      }
    }
  })

  visited.add(root)
  const prefix = folder.replace(/[/\\]+$/, "")
  yield* Effect.mapError(visitFolder(root, prefix === "." ? "" : `${prefix}/`), (error) =>
    FolderUnreadable.of(folder, why(error))
  )
  return { files, folders, skipped, ignored }
})
