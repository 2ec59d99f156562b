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
 * The source with this folder. Fails `FolderNotAllowed` for any other.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = Effect.fnUntraced(function* (folder: string): Effect.fn.Return<DocumentFolder, FolderNotAllowed> {
  const source = (yield* DocumentSources).find((_) => _.folder === folder)
  return source ?? (yield* FolderNotAllowed.of(folder))
})
