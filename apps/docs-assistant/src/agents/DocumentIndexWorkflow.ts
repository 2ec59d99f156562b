/**
 * How the index of a folder is kept: the document library does the work, the runtime tells how far it is.
 */
import { Workflow } from "@agent-runtime/core"
import { Effect, Stream } from "effect"
import { DocumentLibrary } from "../library/DocumentLibrary.ts"
import * as DocumentSources from "../library/DocumentSources.ts"
import type { Finished } from "../library/IndexEvent.ts"
import { DocumentIndex } from "./DocumentIndex.ts"

/**
 * More skipped files than this are only counted.
 */
const maxSkippedTold = 100

/**
 * Registers the workflow of `DocumentIndex`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Workflow.layer(DocumentIndex, {
  Index: Effect.fnUntraced(function* (_, { folder }, context) {
    const library = yield* DocumentLibrary
    const source = yield* DocumentSources.find(folder)
    let indexed: Finished | undefined
    let skipped = 0
    yield* Stream.runForEach(library.index(source), (event) => {
      if (event._tag === "Finished") indexed = event
      return event._tag === "Skipped" && ++skipped > maxSkippedTold ? Effect.void : context.emit(event)
    })
    if (indexed === undefined) return yield* Effect.die(new Error("An index that ends without a summary"))
    return yield* Workflow.reply({ folder, indexed }, indexed)
  }),

  // The runtime has stopped what was running before it starts this one.
  Cancel: (_, state) => Effect.succeed(state)
})
