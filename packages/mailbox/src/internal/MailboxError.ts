import * as Data from "effect/Data"

/**
 * A lane whose strategy is `"fail"` was full; nothing was accepted.
 *
 * @category errors
 * @since 0.1.0
 */
export class MailboxFull extends Data.TaggedError("MailboxFull")<{
  readonly lane: string
  /** How many elements the lane holds at most. */
  readonly capacity: number
}> {}

/**
 * The defect of a call that no program should make: an option out of its range, or a lane that the mailbox does not have.
 *
 * @category errors
 * @since 0.1.0
 */
export class MailboxArgumentInvalid extends Data.TaggedError("MailboxArgumentInvalid")<{
  /** Where the fault is, such as `capacity`, `capacity.urgent` or `lane`. */
  readonly argument: string
  readonly value: unknown
  /** What it should be. */
  readonly expected: string
}> {
  override get message(): string {
    return `${this.argument} must be ${this.expected}, not ${String(this.value)}`
  }
}
