/**
 * How the assistant answers: it searches the document library and tells what it finds.
 */
import { Workflow } from "@agent-runtime/core"
import { Effect, Stream } from "effect"
import { DocumentLibrary } from "../library/DocumentLibrary.ts"
import { DocumentSources } from "../library/DocumentSources.ts"
import * as ExtractiveAnswer from "../library/ExtractiveAnswer.ts"
import { DocsAssistant } from "./DocsAssistant.ts"

/**
 * A conversation remembers this many turns.
 */
const maxTurns = 50

/**
 * Indexing that keeps a question waiting is given up after this time: an answer from part of the documents is better than none.
 */
const patience = "10 seconds"

/**
 * Waits for what has never been indexed, for a question that comes right after the start. A bad folder is told by `Index`.
 */
const ensureIndexed = Effect.gen(function* () {
  const library = yield* DocumentLibrary
  for (const source of yield* DocumentSources) {
    if (!(yield* library.isIndexed(source.folder))) yield* Effect.ignore(Stream.runDrain(library.index(source)))
  }
})

/**
 * Registers the workflow of `DocsAssistant`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Workflow.layer(DocsAssistant, {
  Ask: Effect.fnUntraced(function* ({ payload: { limit = 8, question } }, state, context) {
    const library = yield* DocumentLibrary
    yield* Effect.timeoutOption(ensureIndexed, patience)
    const passages = yield* library.search(question, { limit }).pipe(
      Stream.tap((passage) => context.emit({ _tag: "Passage", passage })),
      Stream.runCollect
    )
    const answer = ExtractiveAnswer.compose(question, passages)
    const turn = { question, answer, places: passages.map((_) => `${_.file}:${_.firstLine}`) }
    return yield* Workflow.reply({ conversation: [...state.conversation, turn].slice(-maxTurns) }, { answer, passages })
  }),

  // The runtime has stopped what was running before it starts this one.
  Cancel: (_, state) => Effect.succeed(state)
})
