// A database behind a broken network neither answers nor closes the connection: without a deadline nothing would end.
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { isPostgres } from "./Rows.ts"

export const Timeout: Context.Reference<Duration.Input> = Context.Reference<Duration.Input>(
  "@agent-runtime/store-sql/SqlRuntimeStore/Timeout",
  { defaultValue: () => Duration.seconds(30) }
)

/**
 * Fails where an operation has not ended in time. It is interrupted, but nobody waits for that: what cannot be interrupted, such
 * as a commit that was asked for, keeps its connection until the database answers or the connection breaks.
 */
export type Deadline = <A, E>(operation: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>

export const make = (sql: SqlClient): Effect.Effect<Deadline> =>
  Effect.map(Timeout, (input) => {
    const timeout = Duration.fromInputUnsafe(input)
    // A file has no network to lose.
    if (!isPostgres(sql) || !Duration.isFinite(timeout)) return (operation) => operation
    const message = `PostgreSQL has not answered within ${Duration.format(timeout)}`
    const late = Effect.fail(new SqlError({ reason: new ConnectionError({ cause: undefined, message }) }))
    return <A, E>(operation: Effect.Effect<A, E>) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.callback<A, E | SqlError>((resume) => {
          const fiber = Effect.runForkWith(context)(operation)
          // The time of the server, whatever a test makes of the clock of the program.
          const timer = setTimeout(() => {
            resume(late)
            fiber.interruptUnsafe()
          }, Duration.toMillis(timeout))
          fiber.addObserver((exit) => {
            clearTimeout(timer)
            resume(exit)
          })
          return Effect.sync(() => {
            clearTimeout(timer)
            fiber.interruptUnsafe()
          })
        })
      )
  })
