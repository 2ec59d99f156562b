/**
 * A piece of a document that can answer a question, with the place where it stands.
 */
import { Schema } from "effect"

/**
 * A piece of a document: where it stands and what it says.
 *
 * `file` is the path that was given for its folder followed by the path inside it, with `/` between names. Lines count from
 * one and include both ends. `headings` leads from the document's title down to the passage.
 *
 * @category models
 * @since 0.1.0
 */
export const Passage = Schema.Struct({
  file: Schema.String,
  firstLine: Schema.Int,
  lastLine: Schema.Int,
  headings: Schema.Array(Schema.String),
  text: Schema.String
})

/**
 * A piece of a document: where it stands and what it says.
 *
 * @category models
 * @since 0.1.0
 */
export type Passage = typeof Passage.Type

/**
 * A passage that was found: `score` is higher the better it fits, comparable only within one search.
 *
 * @category models
 * @since 0.1.0
 */
export const FoundPassage = Schema.Struct({
  file: Schema.String,
  firstLine: Schema.Int,
  lastLine: Schema.Int,
  heading: Schema.String,
  text: Schema.String,
  score: Schema.Finite
})

/**
 * A passage that was found: `score` is higher the better it fits, comparable only within one search.
 *
 * @category models
 * @since 0.1.0
 */
export type FoundPassage = typeof FoundPassage.Type

/**
 * The passage as an answer to a question.
 *
 * @category constructors
 * @since 0.1.0
 */
export const found = (passage: Passage, score: number): FoundPassage => ({
  file: passage.file,
  firstLine: passage.firstLine,
  lastLine: passage.lastLine,
  heading: passage.headings.join(" › "),
  text: passage.text,
  score
})
