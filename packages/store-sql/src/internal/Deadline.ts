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

/** The longest that a timer of Node runs, in milliseconds: 24 days. */
const longestTimer = 2 ** 31 - 1

/**
 * Fails where an operation has not ended in time. It is interrupted, but nobody waits for that: what cannot be interrupted, such
 * as a commit that was asked for, keeps its connection until the database answers or the connection breaks.
 */
export type Deadline = <A, E, R>(operation: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>

export const make = (sql: SqlClient): Effect.Effect<Deadline> =>
  Effect.map(Timeout, (input) => {
    const millis = Duration.toMillis(input)
    // A file has no network to lose.
    if (!isPostgres(sql) || millis > longestTimer) return (operation) => operation
    const message = `PostgreSQL has not answered within ${Duration.format(Duration.millis(millis))}`
    const late = Effect.fail(new SqlError({ reason: new ConnectionError({ cause: undefined, message }) }))
    return <A, E, R>(operation: Effect.Effect<A, E, R>) =>
      Effect.contextWith((context: Context.Context<R>) =>
        Effect.callback<A, E | SqlError>((resume) => {
          const fiber = Effect.runForkWith(context)(operation)
          // The time of the server, whatever a test makes of the clock of the program.
          const timer = setTimeout(() => {
            resume(late)
            fiber.interruptUnsafe()
          }, millis)
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
