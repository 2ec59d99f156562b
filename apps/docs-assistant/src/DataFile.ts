/**
 * The data file belongs to one process at a time: two that write into one index and one set of runtimes would undo each other's work.
 */
import { Effect, Layer, Schema } from "effect"
import { DatabaseSync } from "node:sqlite"
import { Settings } from "./Settings.ts"

/**
 * Another process has the data file.
 *
 * @category errors
 * @since 0.1.0
 */
export class DataFileInUse extends Schema.TaggedError<DataFileInUse>()("DataFileInUse", {
  message: Schema.String
}) {}

const isLocked = (error: unknown) => error instanceof Error && "errcode" in error && error.errcode === 5

/**
 * Holds the data file until the scope closes. The lock is one of SQLite's, in a file beside it: the operating system frees it
 * however the process ends. Where no such file can be made the store will say what is wrong.
 */
const hold = Effect.fnUntraced(function* (data: string) {
  yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const lock = new DatabaseSync(`${data}.lock`)
        lock.exec("BEGIN EXCLUSIVE")
        return lock
      },
      catch: (error) => error
    }).pipe(
      Effect.catch((error) =>
        isLocked(error)
          ? Effect.fail(
              new DataFileInUse({ message: `${data} is in use by another docs-assistant: choose another with --data` })
            )
          : Effect.succeed(undefined)
      )
    ),
    (lock) => Effect.sync(() => lock?.close())
  )
})

/**
 * Holds the data file. Fails `DataFileInUse` where another process does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, DataFileInUse, Settings> = Layer.effectDiscard(
  Effect.flatMap(Settings, ({ data }) => hold(data))
)
