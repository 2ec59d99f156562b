/**
 * The agent that answers questions about folders of documents. Pure data, so that a dashboard can import it.
 */
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Schema } from "effect"
import { QuestionEmpty } from "../library/LibraryError.ts"
import { FoundPassage } from "../library/Passage.ts"
import { Cancel } from "./Cancel.ts"

/**
 * What a question is answered with: the answer in Markdown, and the passages that it is taken from, best first.
 *
 * @category models
 * @since 0.1.0
 */
export const Answer = Schema.Struct({ answer: Schema.String, passages: Schema.Array(FoundPassage) })

/**
 * Answers a question out of the documents. The passages are told one by one while the answer is made.
 *
 * @category activities
 * @since 0.1.0
 */
export const Ask = ActivityType.make("Ask", {
  payload: {
    question: Schema.String.check(Schema.isMaxLength(4000)),
    limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })))
  },
  success: Answer,
  error: QuestionEmpty
})

/**
 * A question that was answered, and where the answer stands.
 *
 * @category models
 * @since 0.1.0
 */
export const Turn = Schema.Struct({
  question: Schema.String,
  answer: Schema.String,
  places: Schema.Array(Schema.String)
})

/**
 * The assistant: one runtime for each conversation.
 *
 * @category agents
 * @since 0.1.0
 */
export const DocsAssistant = Agent.make("DocsAssistant", {
  state: Schema.Struct({ conversation: Schema.Array(Turn) }),
  initialState: { conversation: [] },
  activities: [Ask, Cancel],
  emits: Schema.Union([Schema.TaggedStruct("Passage", { passage: FoundPassage })])
})
