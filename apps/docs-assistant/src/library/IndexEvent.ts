/**
 * What is told while a folder is indexed. Pure data: a dashboard can import it.
 */
import { Schema } from "effect"

/**
 * A file that is not indexed, and why.
 *
 * @category models
 * @since 0.1.0
 */
export const Skipped = Schema.TaggedStruct("Skipped", {
  path: Schema.String,
  reason: Schema.Literals(["TooLarge", "TooMany", "Binary", "Unreadable", "LinkOutside", "NotAFile"]),
  message: Schema.String
})

/**
 * A file that is not indexed, and why.
 *
 * @category models
 * @since 0.1.0
 */
export type Skipped = typeof Skipped.Type

/**
 * How many of a folder's documents are up to date, and how many passages the whole index has.
 *
 * @category models
 * @since 0.1.0
 */
export const Progress = Schema.TaggedStruct("Progress", {
  folder: Schema.String,
  files: Schema.Int,
  total: Schema.Int,
  passages: Schema.Int
})

/**
 * How many of a folder's documents are up to date, and how many passages the whole index has.
 *
 * @category models
 * @since 0.1.0
 */
export type Progress = typeof Progress.Type

/**
 * A folder is up to date: how many documents and passages it has; how many documents were read anew, were unchanged, are gone
 * and were skipped; how many files are no documents by their name; and how long it took in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const Finished = Schema.TaggedStruct("Finished", {
  folder: Schema.String,
  files: Schema.Int,
  passages: Schema.Int,
  indexed: Schema.Int,
  unchanged: Schema.Int,
  removed: Schema.Int,
  skipped: Schema.Int,
  ignored: Schema.Int,
  millis: Schema.Int
})

/**
 * A folder is up to date.
 *
 * @category models
 * @since 0.1.0
 */
export type Finished = typeof Finished.Type

/**
 * What is told while a folder is indexed: skipped files and progress, and at the end `Finished`.
 *
 * @category models
 * @since 0.1.0
 */
export const IndexEvent = Schema.Union([Skipped, Progress, Finished])

/**
 * What is told while a folder is indexed: skipped files and progress, and at the end `Finished`.
 *
 * @category models
 * @since 0.1.0
 */
export type IndexEvent = typeof IndexEvent.Type
