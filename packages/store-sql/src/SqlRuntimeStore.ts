/**
 * Keeps durable runtimes in SQL: on SQLite (`layerSqlite`, a file and no server) or on PostgreSQL (`layer` over
 * `PgClient.layer` of `@effect/sql-pg`). Give it to `RuntimeManager.layerDurable`.
 *
 * Writes of many runtimes share a commit, and a write is answered after its commit. Every write names the owner it comes
 * from: once another process has opened a runtime, the writes of the one before fail.
 *
 * @since 0.1.0
 */
import { RuntimeStore } from "@agent-runtime/core"
import { AgentError } from "@agent-runtime/schema"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Deadline from "./internal/Deadline.ts"
import { Held } from "./internal/Held.ts"
import * as Life from "./internal/Life.ts"
import * as Log from "./internal/Log.ts"
import * as Migrations from "./internal/Migrations.ts"
import * as Rows from "./internal/Rows.ts"
import * as Writer from "./internal/Writer.ts"
import * as NodeSqlite from "./NodeSqlite.ts"

const causeOf = (error: SqlError | MigrationError): unknown =>
  error._tag === "SqlError" ? error.reason.cause : error.cause

const reasons: Partial<Record<NodeSqlite.Condition, AgentError.StoreUnavailable["reason"]>> = {
  InUse: "in-use",
  DiskFull: "full",
  ReadOnly: "read-only",
  Corrupt: "damaged"
}

const reasonOf = (error: SqlError | MigrationError) => {
  const found = error._tag === "SqlError" ? error : error.cause
  const condition = isSqlError(found) ? NodeSqlite.conditionOf(found) : undefined
  return condition === undefined ? undefined : reasons[condition]
}

const unavailable = (error: SqlError | MigrationError): AgentError.StoreUnavailable => {
  const cause = causeOf(error)
  const detail = cause instanceof Error && !error.message.includes(cause.message) ? ` (${cause.message})` : ""
  const reason = reasonOf(error)
  return new AgentError.StoreUnavailable({
    message: `The store is unavailable: ${error.message}${detail}`,
    ...(reason === undefined ? {} : { reason })
  })
}

const toStoreError = <E>(error: E | SqlError): E | AgentError.StoreUnavailable =>
  isSqlError(error) ? unavailable(error) : error

const toHeld = (handle: RuntimeStore.Handle): Held => {
  if (handle instanceof Held) return handle
  throw new TypeError(`SqlRuntimeStore: the handle of "${handle.id}" was made by another store`)
}

const wholeNumber = (n: number): number => Math.min(Math.max(Math.trunc(n), 0), Number.MAX_SAFE_INTEGER)

/**
 * How long the store waits for an answer of PostgreSQL before it fails `StoreUnavailable`. Default 30 seconds. A server that went
 * silent, behind a broken network for one, closes no connection. What takes longer, such as to purge a log of millions, wants more.
 *
 * @category options
 * @since 0.1.0
 */
export const Timeout: Context.Reference<Duration.Input> = Deadline.Timeout

/**
 * Brings the tables up to date and answers the store. Fails `StoreUnavailable` when the database cannot be reached or written,
 * or was made by a newer release. When the scope closes, what was handed over is committed first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  RuntimeStore.RuntimeStore["Service"],
  AgentError.StoreUnavailable,
  SqlClient.SqlClient | Scope.Scope
> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const within = yield* Deadline.make(sql)
  const version = yield* Effect.mapError(within(Migrations.migrate), unavailable)
  if (version > Migrations.version) {
    return yield* new AgentError.StoreUnavailable({
      reason: "newer",
      message: `The tables of this database are of version ${version}, made by a newer release of @agent-runtime/store-sql than this one, which knows version ${Migrations.version}: update the package`
    })
  }
  const writer = yield* Effect.mapError(Writer.make(sql, within), unavailable)

  const query = (statement: string, params: ReadonlyArray<Rows.Value>) =>
    Effect.mapError(within(Rows.query(sql, statement, params)), unavailable)
  const transaction = <A>(effect: Effect.Effect<A, SqlError>) =>
    Effect.mapError(within(sql.withTransaction(effect)), unavailable)

  return RuntimeStore.RuntimeStore.of({
    create: (options) =>
      Effect.mapError(
        writer.submit((batch) => batch.create(options)),
        toStoreError
      ),

    open: (id, canRun) =>
      Effect.mapError(
        writer.submit((batch) => batch.open(id, canRun)),
        unavailable
      ),

    recoverable: (agent) =>
      Effect.map(
        query(
          `SELECT id FROM agent_runtimes WHERE agent = $1 AND terminated = 0
           AND runtime IN (SELECT runtime FROM agent_pending UNION SELECT runtime FROM agent_outbox) ORDER BY runtime`,
          [agent]
        ),
        (rows) => rows.map(Life.toId)
      ),

    write: (writes) =>
      Effect.map(
        writer.submitAll(
          writes.map(
            ({ change, handle }) =>
              (batch) =>
                batch.write(toHeld(handle), change)
          )
        ),
        (exits) => exits.map((exit) => Exit.mapError(exit, toStoreError))
      ),

    list: ({ after, agent, limit }) =>
      Effect.map(
        query(`SELECT * FROM agent_runtimes WHERE id > $1 AND (agent = $2 OR $3 = 1) ORDER BY id LIMIT $4`, [
          after ?? "",
          agent ?? "",
          agent === undefined ? 1 : 0,
          wholeNumber(limit)
        ]),
        (rows) => rows.map(Life.toStored)
      ),

    log: (id, { after, epoch, limit }) =>
      Effect.gen(function* () {
        const rows = yield* query("SELECT head FROM agent_runtimes WHERE id = $1 AND epoch = $2", [id, epoch])
        const head = Number(rows[0]?.["head"] ?? 0)
        return yield* Effect.mapError(within(Log.after(sql, head, after, wholeNumber(limit))), unavailable)
      }),

    stateAt: (id, sequence) =>
      Effect.map(
        query(
          `SELECT sequence, version, state FROM agent_runtimes WHERE id = $1 AND sequence <= $2
           UNION ALL
           SELECT agent_states.sequence, agent_states.version, agent_states.state
           FROM agent_states JOIN agent_runtimes ON agent_runtimes.runtime = agent_states.runtime
           WHERE agent_runtimes.id = $3 AND agent_states.sequence <= $4
           ORDER BY sequence DESC LIMIT 1`,
          [id, wholeNumber(sequence), id, wholeNumber(sequence)]
        ),
        ([row]) =>
          row && {
            state: Rows.parse(row["state"]),
            version: Number(row["version"]),
            sequence: Number(row["sequence"])
          }
      ),

    purge: (id) => transaction(Life.purge(sql, id)),

    compact: (handle, keep) => {
      const { head, runtime } = toHeld(handle)
      return transaction(
        Effect.gen(function* () {
          if (Number.isFinite(keep.log)) yield* Log.drop(sql, head, wholeNumber(keep.log))
          if (!Number.isFinite(keep.states)) return
          yield* Rows.query(
            sql,
            `DELETE FROM agent_states WHERE runtime = $1 AND sequence <= (
              SELECT sequence FROM agent_states WHERE runtime = $2 ORDER BY sequence DESC LIMIT 1 OFFSET $3)`,
            [runtime, runtime, wholeNumber(keep.states)]
          )
        })
      )
    }
  })
})

/**
 * The store on whatever `SqlClient` is there.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RuntimeStore.RuntimeStore, AgentError.StoreUnavailable, SqlClient.SqlClient> =
  Layer.effect(RuntimeStore.RuntimeStore, make)

/**
 * The store on an SQLite file, made when it is missing. The file belongs to one process at a time: while another has it, this
 * fails `StoreUnavailable` with the reason `in-use`, before it has touched the file.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (
  config: NodeSqlite.NodeSqliteConfig
): Layer.Layer<RuntimeStore.RuntimeStore, AgentError.StoreUnavailable> =>
  Layer.provide(
    layer,
    Layer.effectContext(
      Effect.mapError(Layer.build(NodeSqlite.layer({ ...config, exclusive: config.exclusive ?? true })), unavailable)
    )
  )
