/**
 * An `SqlClient` on `node:sqlite`, the database that comes with Node: a file, no server, nothing to install.
 *
 * The file is owned by a worker thread, so that a commit which waits for the disk does not stop the program. Measured on 2
 * cores with group commits of 1000 rows and `FULL` durability: with the writer on the main thread the event loop is busy 98 %
 * of the time and late by up to 23 ms (99th percentile); with the worker 8 % and 2 ms, at 0.92 times the rows per second.
 *
 * There is one connection and so one writer. It can be replaced by any other `SqlClient`, in particular by
 * `@effect/sql-sqlite-node` once a version of it matches effect 4.1.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import { AuthorizationError, classifySqliteError, ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { Fault, Shape, Write } from "./internal/SqliteProtocol.ts"
import type { Transacting } from "./internal/Transacting.ts"
import * as SqliteThread from "./internal/SqliteThread.ts"

/**
 * Which file to open and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeSqliteConfig {
  /** The path of the file, made when it is missing, or `":memory:"`. A `file:` URI is refused. */
  readonly filename: string
  /** Opens an existing file for reading only. Default `false`. */
  readonly readonly?: boolean | undefined
  /**
   * `"FULL"` (default): a commit that was answered survives a power failure. `"NORMAL"`: it survives the death of the process,
   * but a power failure or a crash of the operating system can take back the last commits, acknowledged ones included; the
   * file stays sound.
   */
  readonly synchronous?: "FULL" | "NORMAL" | undefined
  /** How long to wait for another process's lock before failing. Default 250 milliseconds. */
  readonly busyTimeout?: Duration.Input | undefined
  /** How many prepared statements are kept. Default 200. */
  readonly statementCacheSize?: number | undefined
  /**
   * Whether this client holds the file against all others that open it so, in this process or another: those fail with the
   * condition `InUse`. It is held by whatever name it is opened, and one with hard links is refused. The hold ends with the client
   * or its process, however that ends. Default `false`.
   */
  readonly exclusive?: boolean | undefined
  /** The largest size in bytes that the file may reach; writes beyond it fail as on a full disk. Default: no limit. */
  readonly maxSize?: number | undefined
  /** Attributes of the spans of this client. */
  readonly spanAttributes?: Record<string, unknown> | undefined
  /** Applied to the names of columns in results. */
  readonly transformResultNames?: ((name: string) => string) | undefined
  /** Applied to identifiers in statements. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
}

/**
 * What is wrong with the database file, as far as a program may want to tell it apart.
 *
 * @category errors
 * @since 0.1.0
 */
export type Condition = "DiskFull" | "DiskFailed" | "Locked" | "ReadOnly" | "Corrupt" | "CannotOpen" | "InUse"

const conditions: Record<number, Condition> = {
  5: "Locked",
  6: "Locked",
  8: "ReadOnly",
  10: "DiskFailed",
  11: "Corrupt",
  13: "DiskFull",
  14: "CannotOpen",
  26: "Corrupt"
}

/**
 * The condition behind an `SqlError` of this client; `undefined` when the fault lies with the statement, not with the file.
 *
 * @category errors
 * @since 0.1.0
 */
export const conditionOf = (error: SqlError): Condition | undefined => {
  const cause = error.reason.cause
  return cause instanceof SqliteFault ? cause.condition : undefined
}

class SqliteFault extends Error {
  override readonly name = "SqliteFault"
  readonly errno: number | undefined
  readonly condition: Condition | undefined
  constructor(fault: Fault) {
    super(fault.message)
    this.errno = fault.code
    this.condition =
      fault.inUse === true ? "InUse" : fault.code === undefined ? undefined : conditions[fault.code & 0xff]
  }
}

const describe = (condition: Condition, config: NodeSqliteConfig): string => {
  switch (condition) {
    case "DiskFull":
      return `no space is left for ${config.filename}: nothing of this transaction was written`
    case "DiskFailed":
      return `reading or writing ${config.filename} failed`
    case "Locked":
      return `${config.filename} is locked by another process`
    case "InUse":
      return `${config.filename} is in use by another process, or by another client of this one`
    case "ReadOnly":
      return `${config.filename} cannot be written: the file or its folder is read-only`
    case "Corrupt":
      return `${config.filename} is damaged or is not an SQLite database`
    case "CannotOpen":
      return `${config.filename} cannot be opened: does its folder exist, and may this process write to it?`
  }
}

const toSqlError =
  (config: NodeSqliteConfig, operation: string) =>
  (fault: Fault): SqlError => {
    const cause = new SqliteFault(fault)
    const { condition } = cause
    if (condition === undefined) {
      const reason =
        fault.code === undefined
          ? new UnknownError({ cause, message: fault.message, operation })
          : classifySqliteError(cause, { message: fault.message, operation })
      return new SqlError({ reason })
    }
    const props = { cause, message: `${describe(condition, config)} (SQLite: ${fault.message})`, operation }
    switch (condition) {
      case "DiskFull":
      case "DiskFailed":
      case "InUse":
        return new SqlError({ reason: new ConnectionError(props) })
      case "ReadOnly":
        return new SqlError({ reason: new AuthorizationError(props) })
      default:
        return new SqlError({ reason: classifySqliteError(cause, props) })
    }
  }

const chunkSize = 256

const makeConnection = (thread: SqliteThread.SqliteThread, config: NodeSqliteConfig): Transacting => {
  const failExecute = toSqlError(config, "execute")

  const run = (sql: string, params: ReadonlyArray<unknown>, shape: Shape, cached: boolean) =>
    Effect.withFiber<unknown, SqlError>((fiber) =>
      Effect.mapError(
        thread.request(["run", sql, params, shape, fiber.getRef(SqlClient.SafeIntegers), cached]),
        failExecute
      )
    )
  const rows = (sql: string, params: ReadonlyArray<unknown>, cached: boolean) =>
    run(sql, params, "rows", cached) as Effect.Effect<ReadonlyArray<object>, SqlError>
  const values = (sql: string, params: ReadonlyArray<unknown>, cached: boolean) =>
    run(sql, params, "values", cached) as Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>

  return {
    write: (writes: ReadonlyArray<Write>) => thread.send(["write", writes]),
    commit: (writes: ReadonlyArray<Write>) =>
      Effect.mapError(thread.request(["commit", writes]), toSqlError(config, "commit")) as Effect.Effect<
        ReadonlyArray<Write["rows"][number]>,
        SqlError
      >,
    abandon: Effect.ignore(thread.request(["abandon"])),
    execute: (sql, params, transform) =>
      transform === undefined ? rows(sql, params, true) : Effect.map(rows(sql, params, true), transform),
    executeRaw: (sql, params) => run(sql, params, "raw", true),
    executeValues: (sql, params) => values(sql, params, true),
    executeValuesUnprepared: (sql, params) => values(sql, params, false),
    executeUnprepared: (sql, params, transform) =>
      transform === undefined ? rows(sql, params, false) : Effect.map(rows(sql, params, false), transform),
    executeStream: (sql, params, transform) =>
      Stream.unwrap(
        Effect.withFiber((fiber) =>
          Effect.acquireRelease(thread.request(["iterate", sql, params, fiber.getRef(SqlClient.SafeIntegers)]), () =>
            Effect.ignore(thread.request(["end"]))
          )
        ).pipe(
          Effect.mapError(failExecute),
          Effect.as(
            Stream.paginate(undefined, () =>
              Effect.map(Effect.mapError(thread.request(["next", chunkSize]), failExecute), (answer) => {
                const chunk = answer as ReadonlyArray<object>
                const more = chunk.length === chunkSize
                return [
                  transform === undefined ? chunk : transform(chunk),
                  more ? Option.some(undefined) : Option.none()
                ] as const
              })
            )
          )
        )
      )
  }
}

/**
 * Opens the file and answers a client that closes it with the scope. Fails with `SqlError` when the file cannot be opened, is
 * not a database, or is locked.
 *
 * Integers beyond 2^53 are refused in results unless `SqlClient.SafeIntegers` asks for `bigint`. Booleans are stored as 0 and
 * 1. A transaction takes the write lock when it begins, so that a lock held elsewhere shows at once. Closing writes the
 * write-ahead log back into the file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  config: NodeSqliteConfig
): Effect.fn.Return<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity> {
  const thread = yield* Effect.mapError(
    SqliteThread.open({
      filename: config.filename,
      readonly: config.readonly ?? false,
      synchronous: config.synchronous ?? "FULL",
      busyTimeout: Duration.toMillis(config.busyTimeout ?? "250 millis"),
      statementCacheSize: config.statementCacheSize ?? 200,
      maxSize: config.maxSize,
      exclusive: config.exclusive ?? false
    }),
    toSqlError(config, "open")
  )
  const transformRows =
    config.transformResultNames === undefined
      ? undefined
      : Statement.defaultTransforms(config.transformResultNames).array
  const semaphore = yield* Semaphore.make(1)
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(makeConnection(thread, config)),
      semaphore,
      isTransaction: thread.inTransaction
    }),
    compiler: Statement.makeCompilerSqlite(config.transformQueryNames),
    driver: "node-sqlite",
    spanAttributes: [...Object.entries(config.spanAttributes ?? {}), ["db.system.name", "sqlite"]],
    prepareTransactionControls: true,
    beginTransaction: config.readonly === true ? "BEGIN" : "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    transformRows
  })
})

/**
 * Provides `SqlClient` on the given file.
 *
 * **Example** (A database in memory)
 *
 * ```ts
 * import { NodeSqlite } from "@agent-runtime/store-sql"
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   const rows = yield* sql<{ answer: number }>`SELECT 42 AS answer`
 *   return rows[0]?.answer
 * }).pipe(Effect.provide(NodeSqlite.layer({ filename: ":memory:" })))
 *
 * Effect.runPromise(program).then(console.log) // 42
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (config: NodeSqliteConfig): Layer.Layer<SqlClient.SqlClient, SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(config)).pipe(Layer.provide(Reactivity.layer))

/**
 * As `layer`, the file and options read from configuration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  config: Config.Wrap<NodeSqliteConfig>
): Layer.Layer<SqlClient.SqlClient, SqlError | Config.ConfigError> =>
  Layer.effect(SqlClient.SqlClient, Effect.flatMap(Config.unwrap(config), make)).pipe(Layer.provide(Reactivity.layer))
