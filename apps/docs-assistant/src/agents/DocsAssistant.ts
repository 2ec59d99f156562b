/**
 * The agent that answers questions about folders of documents: what it understands, what it answers and what it tells while it
 * works. Pure data, so that a dashboard can import it.
 */
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Schema } from "effect"
import { Finished, Progress, Skipped } from "../library/IndexEvent.ts"
import { FolderError, FolderNotAllowed, QuestionEmpty } from "../library/LibraryError.ts"
import { FoundPassage } from "../library/Passage.ts"

/**
 * Brings the index up to date with one of the assistant's folders, or with all of them. In the background: questions that are
 * waiting come first. Answers how many documents and passages each folder has.
 *
 * @category activities
 * @since 0.1.0
 */
export const Index = ActivityType.make("Index", {
  payload: { folder: Schema.optionalKey(Schema.NonEmptyString) },
  success: Schema.Array(Finished),
  error: Schema.Union([FolderError, FolderNotAllowed]),
  priority: "background",
  timeout: "10 minutes"
})

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
 * Stops whatever the assistant is doing, at once.
 *
 * @category activities
 * @since 0.1.0
 */
export const Cancel = ActivityType.make("Cancel", { priority: "urgent", overlap: { interrupt: "supersede" } })

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
  activities: [Index, Ask, Cancel],
  emits: Schema.Union([Skipped, Progress, Finished, Schema.TaggedStruct("Passage", { passage: FoundPassage })])
})
