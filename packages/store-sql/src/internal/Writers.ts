// The writers of a store, each of which has a partition of the runtimes: while the database is busy with a commit of one, the next
// commit of another is made.
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Batch } from "./Batch.ts"
import type { Deadline } from "./Deadline.ts"
import type { Operation } from "./GroupCommit.ts"
import * as Rows from "./Rows.ts"
import * as Writer from "./Writer.ts"

/**
 * With two, PostgreSQL processes a quarter more activities per second than with one, and with three no more than with two (100
 * runtimes on 2 cores, case `store/postgres-send`). SQLite has one writer.
 */
const onPostgres = 2

/** What is to be done for a runtime of a partition. */
export interface Partitioned<A, E> {
  readonly partition: number
  readonly operation: Operation<Batch, A, E>
}

export interface Writers {
  /** The one that writes the runtime with this id. */
  readonly of: (id: string) => Writer.Writer
  /** Answers once all of them have an outcome. */
  readonly submitAll: <A, E>(
    operations: ReadonlyArray<Partitioned<A, E>>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E | SqlError>>>
}

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  within: Deadline
): Effect.fn.Return<Writers, SqlError, Scope.Scope> {
  const count = Rows.isPostgres(sql) ? onPostgres : 1
  const writers = yield* Effect.forEach(Array.from({ length: count }).keys(), (partition) =>
    Writer.make(sql, within, partition)
  )
  return {
    of: (id) => writers[hash(id) % count]!,
    submitAll: <A, E>(operations: ReadonlyArray<Partitioned<A, E>>) => {
      const indexes = writers.map((): Array<number> => [])
      operations.forEach(({ partition }, index) => indexes[partition]!.push(index))
      return Effect.map(
        Effect.forEach(
          writers,
          (writer, partition) => writer.submitAll(indexes[partition]!.map((index) => operations[index]!.operation)),
          { concurrency: "unbounded" }
        ),
        (exits) => {
          const all = Array<Exit.Exit<A, E | SqlError>>(operations.length)
          indexes.forEach((mine, partition) => mine.forEach((index, i) => (all[index] = exits[partition]![i]!)))
          return all
        }
      )
    }
  }
})

const hash = (id: string): number => {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0
  return hash
}
