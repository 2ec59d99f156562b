// The one writer of a store: it commits batches, finds out what became of a commit whose answer was lost, and leaves out the
// changes of runtimes that someone else has taken over.
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Batch } from "./Batch.ts"
import * as GroupCommit from "./GroupCommit.ts"
import * as Rows from "./Rows.ts"

export interface Writer {
  /** Succeeds after the commit. `SqlError`: certainly not committed. */
  readonly submit: <A, E>(operation: GroupCommit.Operation<Batch, A, E>) => Effect.Effect<A, E | SqlError>
}

class TakenOver extends Data.TaggedError("TakenOver")<{ readonly runtimes: ReadonlySet<number> }> {}

const blockSize = 100_000
const maxGroup = 1000

/** Two processes that take over the same runtimes from each other: one of them goes first. */
const isCollision = (error: SqlError | TakenOver): boolean =>
  error._tag === "SqlError" && (error.reason._tag === "DeadlockError" || error.reason._tag === "SerializationError")

export const make = Effect.fnUntraced(function* (sql: SqlClient): Effect.fn.Return<Writer, SqlError, Scope.Scope> {
  const started = yield* Rows.query(sql, "INSERT INTO agent_instances (commits) VALUES (0) RETURNING instance")
  const instance = Number(started[0]!["instance"])
  const lock = Rows.isPostgres(sql) ? " FOR UPDATE" : ""
  let commits = 0
  // Positions are taken from blocks that are reserved in ascending order. They give the order within a runtime, so a block is
  // left when a runtime is opened that has positions beyond it.
  let next = 0
  let end = 0

  const reserve = (count: number) =>
    Effect.map(
      Rows.query(sql, "UPDATE agent_counters SET value = value + $1 WHERE name = 'position' RETURNING value", [count]),
      (rows) => {
        end = Number(rows[0]!["value"]) + 1
        next = end - count
      }
    )

  const prepare = (group: ReadonlyArray<GroupCommit.Step<Batch>>, fenced: ReadonlySet<number>) =>
    Effect.gen(function* () {
      while (true) {
        let position = next
        const batch = new Batch(fenced, () => position++)
        const outcomes = group.map((step) => step(batch))
        if (position <= end) {
          next = position
          return { batch, outcomes }
        }
        yield* reserve(blockSize + position - next)
      }
    })

  // The row of this instance is locked while its transaction is undecided, so that this waits for the decision. While the
  // database cannot be asked, what waits is refused rather than kept waiting.
  const isCommitted = (number: number) =>
    sql
      .withTransaction(Rows.query(sql, `SELECT commits FROM agent_instances WHERE instance = $1${lock}`, [instance]))
      .pipe(
        Effect.map((rows) => Number(rows[0]?.["commits"]) === number),
        Effect.tapError((error) => Effect.sync(() => group.refuse(Cause.fail(error)))),
        Effect.retry(Schedule.spaced("250 millis")),
        Effect.orDie
      )

  const transact = (batch: Batch) =>
    Effect.gen(function* () {
      const number = commits + 1
      let asked = false
      const outcome = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            const runtimes = yield* batch.run(sql, instance)
            if (runtimes.size > 0) return yield* new TakenOver({ runtimes })
            yield* Rows.query(sql, "UPDATE agent_instances SET commits = $1 WHERE instance = $2", [number, instance])
            asked = true
          })
        )
      )
      if (Exit.isFailure(outcome) && !(asked && (yield* isCommitted(number)))) return yield* outcome
      commits = number
      batch.settle()
      if (batch.highest >= next) next = end + 1
    })

  const commit = (
    steps: ReadonlyArray<GroupCommit.Step<Batch>>,
    fenced: ReadonlySet<number> = new Set()
  ): Effect.Effect<ReadonlyArray<() => void>, SqlError> =>
    Effect.gen(function* () {
      const { batch, outcomes } = yield* prepare(steps, fenced)
      yield* transact(batch)
      return outcomes
    }).pipe(
      Effect.retry({ times: 5, while: isCollision }),
      Effect.catchTag("TakenOver", ({ runtimes }) => commit(steps, new Set([...fenced, ...runtimes])))
    )

  const group = yield* GroupCommit.make<Batch, SqlError>({ commit, maxGroup })
  return { submit: group.submit }
})
