/**
 * How the assistant works: each activity hands its task to the document library and tells what comes of it.
 */
import { Workflow } from "@agent-runtime/core"
import { Effect, Stream } from "effect"
import type { DocumentFolder } from "../library/DocumentFolder.ts"
import { DocumentLibrary } from "../library/DocumentLibrary.ts"
import * as DocumentSources from "../library/DocumentSources.ts"
import * as ExtractiveAnswer from "../library/ExtractiveAnswer.ts"
import type { Finished } from "../library/IndexEvent.ts"
import { DocsAssistant } from "./DocsAssistant.ts"

/**
 * A conversation remembers this many turns.
 */
const maxTurns = 50

/**
 * More skipped files than this are only counted.
 */
const maxSkippedTold = 100

/**
 * Indexing that keeps a question waiting is given up after this time: an answer from part of the documents is better than none.
 */
const patience = "10 seconds"

/**
 * Brings the index up to date with a folder and tells how far it is. Answers the summary.
 */
const index = Effect.fnUntraced(function* (
  source: DocumentFolder,
  context: Workflow.WorkflowContext<typeof DocsAssistant>
) {
  const library = yield* DocumentLibrary
  const finished: Array<Finished> = []
  let skipped = 0
  yield* Stream.runForEach(library.index(source), (event) => {
    if (event._tag === "Finished") finished.push(event)
    return event._tag === "Skipped" && ++skipped > maxSkippedTold ? Effect.void : context.emit(event)
  })
  return finished
})

/**
 * Indexes what has never been, for a question that comes right after the start. A bad folder is told by `Index`, not here.
 */
const ensureIndexed = Effect.fnUntraced(function* (context: Workflow.WorkflowContext<typeof DocsAssistant>) {
  const library = yield* DocumentLibrary
  for (const source of yield* DocumentSources.DocumentSources) {
    if (!(yield* library.isIndexed(source.folder))) yield* Effect.ignore(index(source, context))
  }
})

/**
 * Registers the workflow of `DocsAssistant`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Workflow.layer(DocsAssistant, {
  Index: Effect.fnUntraced(function* ({ payload }, state, context) {
    const sources = yield* DocumentSources.select(payload.folder)
    const finished = yield* Effect.forEach(sources, (source) => index(source, context))
    return yield* Workflow.reply(state, finished.flat())
  }),

  Ask: Effect.fnUntraced(function* ({ payload: { limit = 8, question } }, state, context) {
    const library = yield* DocumentLibrary
    yield* Effect.timeoutOption(ensureIndexed(context), patience)
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
