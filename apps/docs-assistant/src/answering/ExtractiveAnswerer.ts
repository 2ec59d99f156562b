/**
 * Answers in the documents' own words. Needs no language model: nothing leaves this machine.
 */
import { Effect, Layer, Stream } from "effect"
import { DocumentLibrary } from "../library/DocumentLibrary.ts"
import { Answerer } from "./Answerer.ts"
import type { Turn } from "./Conversation.ts"
import * as ExtractiveAnswer from "./ExtractiveAnswer.ts"

const maxSummary = 4000

/**
 * Turns in short, without a model: what was asked. What is longest ago is forgotten first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const summarize = (summary: string | undefined, turns: ReadonlyArray<Turn>): string =>
  [...(summary === undefined ? [] : [summary]), ...turns.map(({ question }) => `- ${question}`)]
    .join("\n")
    .slice(-maxSummary)

/**
 * Answers in the documents' own words.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Answerer, never, DocumentLibrary> = Layer.effect(
  Answerer,
  Effect.gen(function* () {
    const library = yield* DocumentLibrary
    return {
      name: "the documents in their own words",
      answer: Effect.fnUntraced(function* ({ limit, question }, tell) {
        const passages = yield* library.search(question, { limit }).pipe(
          Stream.tap((passage) => tell({ _tag: "Passage", passage })),
          Stream.runCollect
        )
        const text = ExtractiveAnswer.compose(question, passages)
        yield* tell({ _tag: "Text", text })
        return { text, passages, parked: undefined }
      }),
      // It never parks: what is found parked was begun by a model that is gone.
      resume: ({ passages, question }) =>
        Effect.succeed({ text: ExtractiveAnswer.compose(question, passages), passages, parked: undefined }),
      summarize: (summary, turns) => Effect.succeed(summarize(summary, turns))
    }
  })
)
