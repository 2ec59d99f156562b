/**
 * What can go wrong when a folder is indexed or a question is asked. A single bad file is never an error: it is skipped and
 * reported.
 */
import { Schema } from "effect"

/**
 * There is nothing at the path of the folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class FolderNotFound extends Schema.TaggedError<FolderNotFound>()(
  "FolderNotFound",
  { folder: Schema.String },
  { httpApiStatus: 404 }
) {
  override get message(): string {
    return `There is no folder "${this.folder}".`
  }
}

/**
 * The path names a file, or something else that is not a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAFolder extends Schema.TaggedError<NotAFolder>()(
  "NotAFolder",
  { folder: Schema.String },
  { httpApiStatus: 400 }
) {
  override get message(): string {
    return `"${this.folder}" is not a folder: give the folder that the documents are in.`
  }
}

/**
 * The folder is there, but this process may not read it.
 *
 * @category errors
 * @since 0.1.0
 */
export class FolderUnreadable extends Schema.TaggedError<FolderUnreadable>()(
  "FolderUnreadable",
  { folder: Schema.String, reason: Schema.String },
  { httpApiStatus: 403 }
) {
  override get message(): string {
    return `The folder "${this.folder}" cannot be read: ${this.reason}.`
  }
}

/**
 * Any of the errors of a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export const FolderError = Schema.Union([FolderNotFound, NotAFolder, FolderUnreadable])

/**
 * Any of the errors of a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export type FolderError = typeof FolderError.Type

/**
 * The question holds nothing but white space.
 *
 * @category errors
 * @since 0.1.0
 */
export class QuestionEmpty extends Schema.TaggedError<QuestionEmpty>()("QuestionEmpty", {}, { httpApiStatus: 400 }) {
  override get message(): string {
    return "The question is empty."
  }
}

/**
 * A snapshot that this version of the library cannot read: index the folders again.
 *
 * @category errors
 * @since 0.1.0
 */
export class SnapshotInvalid extends Schema.TaggedError<SnapshotInvalid>()("SnapshotInvalid", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The snapshot of the index cannot be used: ${this.reason}.`
  }
}
