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
}> {
  override get message(): string {
    return `The lane "${this.lane}" is full: it holds ${this.capacity} elements`
  }
}

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
  readonly reason: string
}> {
  override get message(): string {
    return `PrioritizedMailbox: ${this.argument} ${this.reason}, but it is ${inspect(this.value)}`
  }
}

const inspect = (value: unknown): string =>
  typeof value === "number" || value === undefined ? String(value) : (JSON.stringify(value) ?? String(value))
