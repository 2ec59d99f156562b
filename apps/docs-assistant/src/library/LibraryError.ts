/**
 * What can go wrong when a folder is indexed or a question is asked. A single bad file is never an error: it is skipped and
 * reported. The message is a field, so that it reaches whoever asks from afar.
 */
import { Schema } from "effect"

const message = Schema.String
const folder = Schema.String

/**
 * There is nothing at the path of the folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class FolderNotFound extends Schema.TaggedError<FolderNotFound>()("FolderNotFound", { message, folder }) {
  static readonly of = (folder: string) => new FolderNotFound({ folder, message: `There is no folder "${folder}"` })
}

/**
 * The path names a file, or something else that is not a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAFolder extends Schema.TaggedError<NotAFolder>()("NotAFolder", { message, folder }) {
  static readonly of = (folder: string) =>
    new NotAFolder({ folder, message: `"${folder}" is not a folder: give the folder that the documents are in` })
}

/**
 * The folder is there, but this process may not read it.
 *
 * @category errors
 * @since 0.1.0
 */
export class FolderUnreadable extends Schema.TaggedError<FolderUnreadable>()("FolderUnreadable", { message, folder }) {
  static readonly of = (folder: string, reason: string) =>
    new FolderUnreadable({ folder, message: `The folder "${folder}" cannot be read: ${reason}` })
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
 * The folder is none of those that the assistant was started with.
 *
 * @category errors
 * @since 0.1.0
 */
export class FolderNotAllowed extends Schema.TaggedError<FolderNotAllowed>()("FolderNotAllowed", { message, folder }) {
  static readonly of = (folder: string) =>
    new FolderNotAllowed({
      folder,
      message: `"${folder}" is not among the folders that this assistant was started with`
    })
}

/**
 * The question holds nothing but white space.
 *
 * @category errors
 * @since 0.1.0
 */
export class QuestionEmpty extends Schema.TaggedError<QuestionEmpty>()("QuestionEmpty", { message }) {
  static readonly of = () => new QuestionEmpty({ message: "The question is empty" })
}

/**
 * A snapshot that this version of the library cannot read: index the folders again.
 *
 * @category errors
 * @since 0.1.0
 */
export class SnapshotInvalid extends Schema.TaggedError<SnapshotInvalid>()("SnapshotInvalid", { message }) {
  static readonly of = (reason: string) =>
    new SnapshotInvalid({ message: `The snapshot of the index cannot be used: ${reason}` })
}
