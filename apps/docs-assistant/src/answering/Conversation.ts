/**
 * What has been said. Pure data: a dashboard can import it.
 */
import { Schema } from "effect"
import { FoundPassage } from "../library/Passage.ts"
import { Approval } from "./AnswerEvent.ts"

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
 * A question that was answered, and where the answer stands.
 *
 * @category models
 * @since 0.1.0
 */
export type Turn = typeof Turn.Type

/**
 * An answer that waits for a human's leave: what is needed to go on with it, also after a restart.
 *
 * @category models
 * @since 0.1.0
 */
export const Parked = Schema.Struct({
  question: Schema.String,
  approvals: Schema.Array(Approval),
  passages: Schema.Array(FoundPassage),
  text: Schema.String,
  /** What was said between the assistant and the language model. */
  prompt: Schema.Json
})

/**
 * An answer that waits for a human's leave: what is needed to go on with it, also after a restart.
 *
 * @category models
 * @since 0.1.0
 */
export type Parked = typeof Parked.Type

/**
 * A conversation: the last turns, what came before them in short, and an answer that waits, if one does.
 *
 * @category models
 * @since 0.1.0
 */
export const Conversation = Schema.Struct({
  conversation: Schema.Array(Turn),
  summary: Schema.optionalKey(Schema.String),
  parked: Schema.optionalKey(Parked)
})

/**
 * A conversation: the last turns, what came before them in short, and an answer that waits, if one does.
 *
 * @category models
 * @since 0.1.0
 */
export type Conversation = typeof Conversation.Type
