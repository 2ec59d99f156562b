/**
 * Who answers questions: a language model, or the documents in their own words.
 */
import { Context, type Effect, Schema } from "effect"
import type { QuestionEmpty } from "../library/LibraryError.ts"
import type { FoundPassage } from "../library/Passage.ts"
import type { AnswerEvent } from "./AnswerEvent.ts"
import type { Conversation, Parked, Turn } from "./Conversation.ts"

/**
 * The language model could not be asked, or gave no answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelFailed extends Schema.TaggedError<ModelFailed>()("ModelFailed", { message: Schema.String }) {}

/**
 * A question, with what has been said before it. `limit` bounds the passages that are searched for first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly question: string
  readonly limit: number
  readonly before: Conversation
}

/**
 * An answer, or what there is of it when it waits for a human.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered {
  readonly text: string
  readonly passages: ReadonlyArray<FoundPassage>
  readonly parked: Parked | undefined
}

/**
 * Tells what happens while an answer is made.
 *
 * @category models
 * @since 0.1.0
 */
export type Tell = (event: AnswerEvent) => Effect.Effect<void>

/**
 * Who answers questions.
 *
 * @category services
 * @since 0.1.0
 */
export class Answerer extends Context.Service<
  Answerer,
  {
    /** Who it is, for people to read. */
    readonly name: string
    readonly answer: (question: Question, tell: Tell) => Effect.Effect<Answered, ModelFailed | QuestionEmpty>
    /** Goes on with an answer once a human has decided. */
    readonly resume: (parked: Parked, approved: boolean, tell: Tell) => Effect.Effect<Answered, ModelFailed>
    /** Turns in short, together with what came before them. */
    readonly summarize: (summary: string | undefined, turns: ReadonlyArray<Turn>) => Effect.Effect<string>
  }
>()("docs-assistant/answering/Answerer") {}
