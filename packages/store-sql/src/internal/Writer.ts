// The one writer of a store: it commits groups, finds out what became of a commit whose answer was lost, and leaves out the
// changes of runtimes that someone else has taken over.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Change, Held, Written } from "./Change.ts"
import { Group, positionsOf, type Write } from "./Group.ts"
import * as GroupCommit from "./GroupCommit.ts"
import * as Rows from "./Rows.ts"

/** Someone else holds the runtime now. */
export class Fenced extends Data.TaggedError("Fenced")<{ readonly epoch: number }> {}

class TakenOver extends Data.TaggedError("TakenOver")<{ readonly epochs: ReadonlySet<number> }> {}

export interface Writer {
  readonly instance: number
  /** Succeeds after the commit. `SqlError`: certainly not committed. */
  readonly write: (held: Held, change: Change) => Effect.Effect<Written, Fenced | SqlError>
  /** Positions handed out from now on are above `position`. */
  readonly passBeyond: (position: number) => void
}

const blockSize = 100_000
const maxGroup = 1000

type Outcome = Exit.Exit<Written, Fenced | SqlError>

export const make = Effect.fnUntraced(function* (sql: SqlClient): Effect.fn.Return<Writer, SqlError, Scope.Scope> {
  const started = yield* Rows.query(sql, "INSERT INTO agent_instances (commits) VALUES (0) RETURNING instance")
  const instance = Number(started[0]!["instance"])
  let commits = 0
  let next = 0
  let end = 0

  const reserve = (count: number) =>
    Effect.gen(function* () {
      if (next + count <= end) return
      const rows = yield* Rows.query(
        sql,
        "UPDATE agent_counters SET value = value + $1 WHERE name = 'position' RETURNING value",
        [blockSize + count]
      )
      end = Number(rows[0]!["value"]) + 1
      next = end - blockSize - count
    })

  // The row of this instance is locked while its transaction is undecided, so that this waits for the decision.
  const hasCommitted = (number: number) =>
    sql
      .withTransaction(
        Rows.query(
          sql,
          `SELECT commits FROM agent_instances WHERE instance = $1${Rows.isPostgres(sql) ? " FOR UPDATE" : ""}`,
          [instance]
        )
      )
      .pipe(Effect.map((rows) => Number(rows[0]!["commits"]) === number))

  // The database cannot be asked: what waits is refused rather than kept waiting for as long.
  const isCommitted = (number: number) =>
    hasCommitted(number).pipe(
      Effect.tapError((error) => Effect.sync(() => group.refuse(Exit.fail(error)))),
      Effect.retry(Schedule.spaced("250 millis")),
      Effect.orDie
    )

  const transact = (changes: Group, number: number) =>
    Effect.gen(function* () {
      let asked = false
      const outcome = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            const epochs = yield* changes.run(sql, instance)
            if (epochs.size > 0) return yield* Effect.fail(new TakenOver({ epochs }))
            yield* Rows.query(sql, "UPDATE agent_instances SET commits = $1 WHERE instance = $2", [number, instance])
            asked = true
          })
        )
      )
      if (Exit.isSuccess(outcome) || (asked && (yield* isCommitted(number)))) return
      return yield* outcome
    })

  const commit = (writes: ReadonlyArray<Write>): Effect.Effect<ReadonlyArray<Outcome>> =>
    Effect.gen(function* () {
      yield* reserve(writes.reduce((sum, write) => sum + positionsOf(write), 0))
      const changes = new Group(writes, () => next++)
      yield* transact(changes, commits + 1)
      commits++
      changes.settle()
      return changes.written.map((written): Outcome => Exit.succeed(written))
    }).pipe(
      Effect.catchTags({
        TakenOver: ({ epochs }) => commitOthers(writes, epochs),
        SqlError: (error) => Effect.succeed(writes.map((): Outcome => Exit.fail(error)))
      })
    )

  const commitOthers = (
    writes: ReadonlyArray<Write>,
    fenced: ReadonlySet<number>
  ): Effect.Effect<ReadonlyArray<Outcome>> => {
    const others = writes.filter(({ held }) => !fenced.has(held.epoch))
    return Effect.map(others.length === 0 ? Effect.succeed([]) : commit(others), (outcomes) => {
      let i = 0
      return writes.map(({ held }): Outcome =>
        fenced.has(held.epoch) ? Exit.fail(new Fenced({ epoch: held.epoch })) : outcomes[i++]!
      )
    })
  }

  const group = yield* GroupCommit.make<Write, Written, Fenced | SqlError>({ commit, maxGroup })
  return {
    instance,
    write: (held, change) => group.write({ held, change }),
    passBeyond: (position) => {
      if (position >= next) next = end
    }
  }
})
