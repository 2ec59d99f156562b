import type * as Effect from "effect/Effect"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { Write } from "./SqliteProtocol.ts"

/** A connection that takes a transaction in parts, and is at work on one while the next is made. */
export interface Transacting extends Connection {
  /** Runs each statement once for each of its rows, in a transaction that begins with the first part. */
  readonly write: (writes: ReadonlyArray<Write>) => void
  /**
   * Writes the last part and commits. Answers the guarded rows that found nothing to change: where there are any, nothing has
   * happened. Fails with what went wrong in any part; then nothing has happened either.
   */
  readonly commit: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<Write["rows"][number]>, SqlError>
  /** Takes back what was written and not committed. */
  readonly abandon: Effect.Effect<void>
}

export const isTransacting = (connection: Connection): connection is Transacting => "abandon" in connection
