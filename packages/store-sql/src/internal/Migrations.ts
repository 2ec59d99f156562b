// The tables, and how older ones become them. A migration that has been released is never changed.
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { isPostgres } from "./Rows.ts"

/**
 * What decides the speed of a commit is how many pages it touches, not how many rows. A key that begins with the runtime or
 * with the activity's id touches a page per activity and costs two thirds of the throughput. So the log and what is pending
 * are kept in the order of their writing and have no other index:
 *
 * - each row of the log names the runtime's row before it, and the runtime names its newest: whoever reads a runtime's log
 *   follows that chain;
 * - what is pending is deleted when it has ended, so that reading all of it is proportional to what is pending; of a backlog
 *   the runtime names what has ended (`ended`), until it is deleted many rows at a time;
 * - the attempt that runs is a column of the runtime, which each commit writes anyway.
 *
 * An index costs PostgreSQL little, and there several processes may take over one runtime at a time.
 */
const initial = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const postgres = isPostgres(sql)
  const generated = postgres ? "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" : "INTEGER PRIMARY KEY AUTOINCREMENT"
  const position = postgres ? "BIGINT PRIMARY KEY" : "INTEGER PRIMARY KEY"
  const create = (statement: string) => sql.unsafe(statement)

  yield* create(`CREATE TABLE agent_counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)`)
  yield* create(`INSERT INTO agent_counters (name, value) VALUES ('position', 0)`)
  yield* create(`CREATE TABLE agent_instances (instance ${generated}, commits BIGINT NOT NULL)`)
  yield* create(`CREATE TABLE agent_runtimes (
    runtime ${generated},
    id TEXT ${postgres ? 'COLLATE "C" ' : ""}NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    terminated BIGINT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    head BIGINT NOT NULL,
    running BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    info TEXT NOT NULL,
    ended TEXT NOT NULL DEFAULT ''
  )`)
  yield* create(`CREATE TABLE agent_pending (
    position ${position},
    runtime BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    crashes BIGINT NOT NULL,
    due BIGINT,
    ahead BIGINT NOT NULL,
    activity TEXT NOT NULL
  )`)
  yield* create(`CREATE TABLE agent_log (
    position ${position},
    runtime BIGINT NOT NULL,
    previous BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    written BIGINT NOT NULL,
    entry TEXT NOT NULL
  )`)
  yield* create(`CREATE TABLE agent_states (
    runtime BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (runtime, sequence)
  )`)
  yield* create(`CREATE TABLE agent_letters (position ${position}, runtime BIGINT NOT NULL, value TEXT NOT NULL)`)
  yield* create(`CREATE INDEX agent_letters_runtime ON agent_letters (runtime)`)
  yield* create(`CREATE TABLE agent_outbox (position ${position}, runtime BIGINT NOT NULL, value TEXT NOT NULL)`)
  if (postgres) {
    yield* create(`CREATE INDEX agent_pending_runtime ON agent_pending (runtime)`)
    yield* create(`CREATE INDEX agent_outbox_runtime ON agent_outbox (runtime)`)
  }
})

/** Failures have a count of their own. Of what is there each attempt counts that was neither a crash nor interrupted as the last. */
const failures = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe(`ALTER TABLE agent_pending ADD COLUMN failures BIGINT NOT NULL DEFAULT 0`)
  yield* sql.unsafe(`UPDATE agent_pending SET failures = attempts - crashes - ahead WHERE attempts > crashes + ahead`)
})

const table = "agent_migrations"

const migrations: Record<string, Effect.Effect<void, unknown, SqlClient.SqlClient>> = {
  "0001_initial": initial,
  "0002_failures": failures
}

/** The version of the tables that this code reads and writes. */
export const version: number = Object.keys(migrations).length

/**
 * Brings the tables up to date, in one transaction, and answers the version found afterwards: one above `version` means that
 * a newer release has been here.
 */
export const migrate: Effect.Effect<number, Migrator.MigrationError | SqlError, SqlClient.SqlClient> = Effect.gen(
  function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations), table })
    const rows = yield* sql.unsafe<{ readonly version: number | bigint }>(
      `SELECT max(migration_id) AS version FROM ${table}`
    )
    return Number(rows[0]?.version ?? 0)
  }
)
