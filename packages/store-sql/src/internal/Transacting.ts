import type * as Effect from "effect/Effect"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import type { Write } from "./SqliteProtocol.ts"

/** A connection that runs a whole transaction at one request. */
export interface Transacting extends Connection {
  /**
   * Runs each statement once for each of its rows, in one transaction. Answers the guarded rows that found nothing to change:
   * where there are any, nothing has happened.
   */
  readonly transact: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<Write["rows"][number]>, SqlError>
}

export const isTransacting = (connection: Connection): connection is Transacting => "transact" in connection
