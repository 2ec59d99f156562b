// One transaction of many writes, in the cheapest form that the client has.
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Writes } from "./Changes.ts"
import * as Rows from "./Rows.ts"
import { isTransacting } from "./Transacting.ts"

type Row = Writes["rows"][number]

/**
 * Answers the guarded rows that found nothing to change: where there are any, nothing has happened. `asking` is called before
 * the commit is asked for: a failure after that says nothing of what became of it. `more` runs at the end, in the same
 * transaction.
 */
export type Transact = (
  writes: ReadonlyArray<Writes>,
  more: Effect.Effect<void, SqlError> | undefined,
  asking: () => void
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

class Missed {
  readonly rows: ReadonlyArray<Row>
  constructor(rows: ReadonlyArray<Row>) {
    this.rows = rows
  }
}

/** Statement after statement, sent without waiting for the answers: what is missed is rolled back with the rest. */
const inSteps = (sql: SqlClient): Transact => {
  const run = ({ guarded, rows, statement }: Writes) =>
    Effect.map(Rows.run(sql, statement, rows), (found) => {
      if (!guarded || found.length === rows.length) return []
      const there = new Set(found.map((row) => Number(Object.values(row)[0])))
      return rows.filter(([key]) => !there.has(Number(key)))
    })
  return (writes, more = Effect.void, asking) =>
    sql
      .withTransaction(
        Effect.gen(function* () {
          const missed = (yield* Effect.all(writes.map(run), { concurrency: "unbounded" })).flat()
          if (missed.length > 0) return yield* Effect.fail(new Missed(missed))
          yield* more
          asking()
          return missed
        })
      )
      .pipe(
        Effect.catchIf(
          (error): error is Missed => error instanceof Missed,
          ({ rows }) => Effect.succeed(rows)
        )
      )
}

/** At one request to the thread that owns the file, which knows what became of it. */
const atOnce = (sql: SqlClient): Transact => {
  const steps = inSteps(sql)
  return (writes, more, asking) => {
    if (more !== undefined) return steps(writes, more, asking)
    const requests = writes.map(({ guarded, rows, statement }) => ({ sql: Rows.forOneRow(statement), rows, guarded }))
    return Effect.scoped(
      Effect.flatMap(sql.reserve, (connection) =>
        isTransacting(connection) ? connection.transact(requests) : steps(writes, more, asking)
      )
    )
  }
}

export const make = (sql: SqlClient): Effect.Effect<Transact, SqlError> =>
  Effect.scoped(Effect.map(sql.reserve, (connection) => (isTransacting(connection) ? atOnce(sql) : inSteps(sql))))
