/**
 * The folders that the assistant may read. They are fixed when it starts: whoever may send it activities must not be able to
 * have any file of the machine read out.
 */
import { Context, Effect } from "effect"
import type { DocumentFolder } from "./DocumentFolder.ts"
import { FolderNotAllowed } from "./LibraryError.ts"

/**
 * The folders that the assistant may read; none unless it is given some.
 *
 * @category references
 * @since 0.1.0
 */
export const DocumentSources: Context.Reference<ReadonlyArray<DocumentFolder>> = Context.Reference<
  ReadonlyArray<DocumentFolder>
>("docs-assistant/library/DocumentSources", { defaultValue: () => [] })

/**
 * The sources with this folder, or all of them where none is named. Fails `FolderNotAllowed` for any other.
 *
 * @category combinators
 * @since 0.1.0
 */
export const select = Effect.fnUntraced(function* (
  folder: string | undefined
): Effect.fn.Return<ReadonlyArray<DocumentFolder>, FolderNotAllowed> {
  const sources = yield* DocumentSources
  if (folder === undefined) return sources
  const named = sources.filter((_) => _.folder === folder)
  return named.length > 0 ? named : yield* FolderNotAllowed.of(folder)
})
