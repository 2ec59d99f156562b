/**
 * The agent that answers questions about folders of documents. Pure data, so that a dashboard can import it.
 */
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Schema } from "effect"
import { ModelFailed } from "../answering/Answerer.ts"
import { AnswerEvent, Approval } from "../answering/AnswerEvent.ts"
import { Conversation } from "../answering/Conversation.ts"
import { QuestionEmpty } from "../library/LibraryError.ts"
import { FoundPassage } from "../library/Passage.ts"
import { Cancel } from "./Cancel.ts"

/**
 * What a question is answered with: the answer in Markdown, and the passages that it is taken from, best first. With `approvals`
 * it is not whole: a human has to say `Approve` or `Reject`.
 *
 * @category models
 * @since 0.1.0
 */
export const Answer = Schema.Struct({
  answer: Schema.String,
  passages: Schema.Array(FoundPassage),
  approvals: Schema.optionalKey(Schema.Array(Approval))
})

/**
 * A language model may take its time.
 */
const timeout = "3 minutes"

/**
 * Answers a question out of the documents. Passages and text are told as they come. A question that is asked while an answer
 * waits for a human takes its place.
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
  error: Schema.Union([QuestionEmpty, ModelFailed]),
  timeout
})

/**
 * No answer waits for a human.
 *
 * @category errors
 * @since 0.1.0
 */
export class NothingParked extends Schema.TaggedError<NothingParked>()("NothingParked", { message: Schema.String }) {
  static readonly of = () => new NothingParked({ message: "No answer waits for a human" })
}

const decision = {
  success: Answer,
  error: Schema.Union([NothingParked, ModelFailed]),
  priority: "urgent",
  timeout
} as const

/**
 * Lets the language model do what it asked for, and goes on with the answer.
 *
 * @category activities
 * @since 0.1.0
 */
export const Approve = ActivityType.make("Approve", decision)

/**
 * Does not let the language model do what it asked for, and goes on with the answer.
 *
 * @category activities
 * @since 0.1.0
 */
export const Reject = ActivityType.make("Reject", decision)

/**
 * Forgets the whole conversation.
 *
 * @category activities
 * @since 0.1.0
 */
export const Forget = ActivityType.make("Forget")

/**
 * Puts all but the last turns in short. The assistant does it by itself some time after a conversation has become long.
 *
 * @category activities
 * @since 0.1.0
 */
export const Summarize = ActivityType.make("Summarize", { priority: "background", overlap: "coalesce", timeout })

/**
 * The assistant: one runtime for each conversation.
 *
 * @category agents
 * @since 0.1.0
 */
export const DocsAssistant = Agent.make("DocsAssistant", {
  state: Conversation,
  initialState: { conversation: [] },
  activities: [Ask, Approve, Reject, Cancel, Forget, Summarize],
  emits: AnswerEvent
})
