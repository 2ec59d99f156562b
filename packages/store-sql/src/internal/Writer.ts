// The one writer of a store: it commits batches, finds out what became of a commit whose answer was lost, and leaves out the
// changes of runtimes that someone else has taken over.
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { Batch } from "./Batch.ts"
import type { Deadline } from "./Deadline.ts"
import * as GroupCommit from "./GroupCommit.ts"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"
import * as Transaction from "./Transaction.ts"

/** Operations succeed after their commit. `SqlError`: certainly not committed. */
export type Writer = Pick<GroupCommit.GroupCommit<Batch, SqlError>, "submit" | "submitAll">

type Step = GroupCommit.Step<Batch, SqlError>
type Part = GroupCommit.Part<Batch, SqlError>

class TakenOver extends Data.TaggedError("TakenOver")<{ readonly runtimes: ReadonlySet<number> }> {}

const blockSize = 100_000
const maxGroup = 1000

/** Two processes that take over the same runtimes from each other: one of them goes first. */
const isCollision = (error: SqlError | TakenOver): boolean =>
  error._tag === "SqlError" && (error.reason._tag === "DeadlockError" || error.reason._tag === "SerializationError")

/** A connection that breaks while its transaction is undone is reported as a defect: the store is unavailable all the same. */
const failureOf = (cause: Cause.Cause<SqlError>): Cause.Cause<SqlError> => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) return Cause.fail(reason.error)
    if (Cause.isDieReason(reason) && isSqlError(reason.defect)) return Cause.fail(reason.defect)
  }
  return cause
}

/** Whether what was written is at fault, or may be: too large for the database or for what room is left, for one. */
const isOfOne = ({ reason }: SqlError): boolean =>
  !["ConnectionError", "AuthenticationError", "AuthorizationError", "LockTimeoutError"].includes(reason._tag) ||
  isDiskFull(reason.cause)

const isDiskFull = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "errno" in cause && cause.errno === 13

/**
 * Puts the steps into a batch, except those known to be `broken`: what cannot even be put into rows fails by itself. Answers
 * nothing where one more was found, of which a part may be in the batch.
 */
const addAll = (
  batch: Batch,
  steps: ReadonlyArray<Step>,
  broken: Map<Step, unknown>
): ReadonlyArray<() => void> | undefined => {
  const outcomes: Array<() => void> = []
  for (const step of steps) {
    if (broken.has(step)) {
      outcomes.push(() => step.fail(Cause.die(broken.get(step))))
      continue
    }
    try {
      outcomes.push(step.add(batch))
    } catch (defect) {
      broken.set(step, defect)
      return undefined
    }
  }
  return outcomes
}

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  within: Deadline
): Effect.fn.Return<Writer, SqlError, Scope.Scope> {
  const started = yield* within(Rows.query(sql, "INSERT INTO agent_instances (commits) VALUES (0) RETURNING instance"))
  const instance = Number(started[0]!["instance"])
  const guards = Statements.guards(instance, Rows.isPostgres(sql))
  const { begin, transact } = yield* Transaction.make(sql)
  const lock = Rows.isPostgres(sql) ? " FOR UPDATE" : ""
  let closing = false
  let commits = 0
  // Positions are taken from blocks that are reserved in ascending order. They give the order within a runtime, so a block is
  // left when a runtime is opened that has positions beyond it.
  let first = 0
  let end = 0

  const reserve = (count: number) =>
    Effect.map(
      within(
        Rows.query(sql, "UPDATE agent_counters SET value = value + $1 WHERE name = 'position' RETURNING value", [count])
      ),
      (rows) => {
        end = Number(rows[0]!["value"]) + 1
        first = end - count
      }
    )

  const prepare = (group: ReadonlyArray<Step>, fenced: ReadonlySet<number>) =>
    Effect.gen(function* () {
      const broken = new Map<Step, unknown>()
      while (true) {
        let position = first
        const batch = new Batch(fenced, () => position++)
        const outcomes = addAll(batch, group, broken)
        if (outcomes !== undefined && position <= end) {
          first = position
          return { batch, outcomes }
        }
        if (outcomes !== undefined) yield* reserve(blockSize + position - first)
      }
    })

  // The row of this instance is locked while its transaction is undecided, so that this waits for the decision. While the database
  // cannot be asked, what waits is refused rather than kept waiting. A connection that is cut may fail in any way.
  const isCommitted = (number: number) =>
    sql
      .withTransaction(Rows.query(sql, `SELECT commits FROM agent_instances WHERE instance = $1${lock}`, [instance]))
      .pipe(
        within,
        Effect.map((rows) => Number(rows[0]?.["commits"]) === number),
        Effect.sandbox,
        Effect.tapError((cause) => Effect.sync(() => group.refuse(failureOf(cause)))),
        Effect.retry({ schedule: Schedule.spaced("250 millis"), while: () => !closing }),
        // Nobody is left to be told.
        Effect.orElseSucceed(() => false)
      )

  const countTo = (number: number) => ({ statement: Statements.count, rows: [[instance, number]], guarded: false })

  const transaction = (batch: Batch) =>
    Effect.gen(function* () {
      const number = commits + 1
      let asked = false
      const written = transact(
        [...batch.take(guards), countTo(number)],
        batch.hasLives ? batch.live(sql, instance) : undefined,
        () => {
          asked = true
        }
      )
      const outcome = yield* Effect.exit(within(written))
      if (Exit.isSuccess(outcome) && outcome.value.length > 0) {
        return yield* new TakenOver({ runtimes: new Set(outcome.value.map(([runtime]) => Number(runtime))) })
      }
      if (Exit.isFailure(outcome) && !(asked && (yield* isCommitted(number)))) {
        return yield* Effect.failCause(failureOf(outcome.cause))
      }
      commits = number
      batch.settle()
      if (batch.highest >= first) first = end + 1
    })

  const write = (
    steps: ReadonlyArray<Step>,
    fenced: ReadonlySet<number> = new Set()
  ): Effect.Effect<ReadonlyArray<() => void>, SqlError> =>
    Effect.gen(function* () {
      const { batch, outcomes } = yield* prepare(steps, fenced)
      yield* transaction(batch)
      return outcomes
    }).pipe(
      Effect.retry({ times: 5, while: isCollision }),
      Effect.catchTag("TakenOver", ({ runtimes }) => write(steps, new Set([...fenced, ...runtimes])))
    )

  /** What cannot be written fails alone: where it may be one of many, each half is tried by itself. */
  const commitAll = (steps: ReadonlyArray<Step>): Effect.Effect<ReadonlyArray<() => void>> =>
    Effect.catchCause(write(steps), (cause) => {
      const found = Cause.findError(cause)
      // A defect, as of rows that are together too large for a statement, is of what was written.
      if (steps.length > 1 && (Result.isFailure(found) || isOfOne(found.success))) {
        const middle = steps.length >> 1
        return Effect.zipWith(commitAll(steps.slice(0, middle)), commitAll(steps.slice(middle)), (first, second) => [
          ...first,
          ...second
        ])
      }
      return Effect.succeed(steps.map((step) => () => step.fail(cause)))
    })

  /** Writes each part while the next one is made. Answers nothing where anything is out of the ordinary: then nothing was written. */
  const commitInParts = (parts: Transaction.Parts, part: Part, next: Effect.Effect<Part>) =>
    Effect.gen(function* () {
      let position = first
      const batch = new Batch(new Set(), () => position++)
      const outcomes: Array<() => void> = []
      while (true) {
        const { isLast, steps } = part
        const added = addAll(batch, steps, new Map())
        if (added === undefined || position > end || batch.hasLives) return undefined
        for (const outcome of added) outcomes.push(outcome)
        if (!isLast) {
          if (steps.length > 0) parts.write(batch.take(guards))
          part = yield* next
        } else if (outcomes.length === 0) {
          return outcomes
        } else {
          const missed = yield* parts.commit([...batch.take(guards), countTo(commits + 1)])
          if (missed.length > 0) return undefined
          commits++
          first = position
          batch.settle()
          return outcomes
        }
      }
    })

  const commit = (next: Effect.Effect<Part>): Effect.Effect<ReadonlyArray<() => void>> =>
    Effect.gen(function* () {
      const group = { steps: [] as Array<Step>, isComplete: false }
      const pull = Effect.map(next, (part) => {
        for (const step of part.steps) group.steps.push(step)
        group.isComplete = part.isLast
        return part
      })
      const part = yield* pull
      if (begin !== undefined) {
        const inParts = Effect.scoped(Effect.flatMap(begin, (parts) => commitInParts(parts, part, pull)))
        const outcomes = yield* Effect.catchCause(inParts, () => Effect.succeed(undefined))
        if (outcomes !== undefined) return outcomes
      }
      while (!group.isComplete) yield* pull
      return group.steps.length === 0 ? [] : yield* commitAll(group.steps)
    })

  const group = yield* GroupCommit.make<Batch, SqlError>({
    commit,
    maxGroup,
    maxPart: begin === undefined ? maxGroup : 32
  })
  // Before the group waits for what it commits: a database that is away must not keep the program from its end.
  yield* Effect.addFinalizer(() => Effect.sync(() => (closing = true)))
  return group
})
