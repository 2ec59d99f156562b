// One transaction of many writes, in the cheapest form that the client has.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Writes } from "./Changes.ts"
import * as Rows from "./Rows.ts"
import type { Write } from "./SqliteProtocol.ts"
import { isTransacting, type Transacting } from "./Transacting.ts"

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

/** A transaction on the thread that owns the file, which knows what became of it. What is not committed is taken back. */
export interface Parts {
  /** The thread writes this while the next part is made. */
  readonly write: (writes: ReadonlyArray<Writes>) => void
  /** Writes the last part and commits; answers as `Transact`. */
  readonly commit: (writes: ReadonlyArray<Writes>) => Effect.Effect<ReadonlyArray<Row>, SqlError>
}

const toWrite = ({ guarded, rows, statement }: Writes): Write => ({ sql: Rows.forOneRow(statement), rows, guarded })

const begin = ({ abandon, commit, write }: Transacting): Effect.Effect<Parts, never, Scope.Scope> => {
  let open = false
  const parts: Parts = {
    write: (writes) => {
      open = true
      write(writes.map(toWrite))
    },
    commit: (writes) => {
      open = false
      return commit(writes.map(toWrite))
    }
  }
  return Effect.as(
    Effect.addFinalizer(() => (open ? abandon : Effect.void)),
    parts
  )
}

export interface Transactions {
  readonly transact: Transact
  /** Absent where the client has no such form. */
  readonly begin: Effect.Effect<Parts, SqlError, Scope.Scope> | undefined
}

export const make = (sql: SqlClient): Effect.Effect<Transactions, SqlError> =>
  Effect.scoped(
    Effect.map(sql.reserve, (connection): Transactions => {
      const transact = inSteps(sql)
      if (!isTransacting(connection)) return { transact, begin: undefined }
      // Nobody else has the connection while it is reserved.
      const parts = Effect.andThen(sql.reserve, begin(connection))
      return {
        begin: parts,
        transact: (writes, more, asking) =>
          more === undefined
            ? Effect.scoped(Effect.flatMap(parts, ({ commit }) => commit(writes)))
            : transact(writes, more, asking)
      }
    })
  )
