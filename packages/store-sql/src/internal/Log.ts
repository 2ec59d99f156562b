// The log of one runtime, read along its chain.
import type { RuntimeStore } from "@agent-runtime/core"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

type Entries = Effect.Effect<ReadonlyArray<RuntimeStore.LogEntry>, SqlError>

const toEntry = ([sequence, written, entry]: ReadonlyArray<unknown>): RuntimeStore.LogEntry => ({
  sequence: Number(sequence),
  at: Number(written),
  entry: Rows.parse(entry)
})

/** The entries after a sequence, oldest first. */
export const after = (sql: SqlClient, head: number, sequence: number, limit: number): Entries =>
  Effect.map(
    Rows.values(
      sql,
      `${Statements.chain("agent_log.sequence > $2")} SELECT sequence, written, entry FROM agent_log
       WHERE position IN (SELECT position FROM chain) ORDER BY position LIMIT $3`,
      [head, sequence, limit]
    ),
    (rows) => rows.map(toEntry)
  )

/** Deletes all but the newest entries. */
export const drop = (sql: SqlClient, head: number, keep: number): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    Rows.query(
      sql,
      `${Statements.chain("true")} DELETE FROM agent_log
       WHERE position IN (SELECT position FROM chain WHERE depth > $2)`,
      [head, keep]
    )
  )
