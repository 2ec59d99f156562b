/**
 * How the assistant works: each activity hands its task to the document library and tells what comes of it.
 */
import { Workflow } from "@agent-runtime/core"
import { Effect, Stream } from "effect"
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
 * Registers the workflow of `DocsAssistant`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Workflow.layer(DocsAssistant, {
  Index: Effect.fnUntraced(function* ({ payload }, state, context) {
    const library = yield* DocumentLibrary
    const finished: Array<Finished> = []
    let skipped = 0
    for (const source of yield* DocumentSources.select(payload.folder)) {
      yield* Stream.runForEach(library.index(source), (event) => {
        if (event._tag === "Finished") finished.push(event)
        return event._tag === "Skipped" && ++skipped > maxSkippedTold ? Effect.void : context.emit(event)
      })
    }
    return yield* Workflow.reply(state, finished)
  }),

  Ask: Effect.fnUntraced(function* ({ payload: { limit = 8, question } }, state, context) {
    const library = yield* DocumentLibrary
    // What another conversation has begun to index is worth a short wait; an answer from part of it is better than none.
    yield* Effect.timeoutOption(library.ready, "10 seconds")
    const passages = yield* library.search(question, { limit }).pipe(
      Stream.tap((passage) => context.emit({ _tag: "Passage", passage })),
      Stream.runCollect
    )
    const answer = ExtractiveAnswer.compose(question, passages)
    const turn = { question, answer, places: passages.map((_) => `${_.file}:${_.firstLine}`) }
    return yield* Workflow.reply(
      { conversation: [...state.conversation, turn].slice(-maxTurns) },
      { answer, passages: [...passages] }
    )
  }),

  // The runtime has stopped what was running before it starts this one.
  Cancel: (_, state) => Effect.succeed(state)
})
