// What is read of runtimes: all of it by the order of writing or by following a runtime's chain.
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Entry, Held, Pending } from "./Change.ts"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

export interface Opened {
  readonly held: Held
  readonly state: string
  readonly version: number
  readonly sequence: number
  readonly info: string
  /** In the order of acceptance. */
  readonly pending: ReadonlyArray<Pending>
  /** Messages that were committed and may not have been delivered. */
  readonly outbox: ReadonlyArray<{ readonly position: number; readonly message: string }>
}

type Row = Record<string, unknown>

const optional = (value: unknown): number | undefined => (value === null ? undefined : Number(value))

const toPending = (row: Row, running: Row): Pending => {
  const position = Number(row["position"])
  return {
    position,
    activity: String(row["activity"]),
    // The attempt that was running is on record with the runtime, not with the activity.
    attempts: Number(running["running"]) === position ? Number(running["attempts"]) : Number(row["attempts"]),
    due: optional(row["due"]),
    ahead: Number(row["ahead"]) === 1
  }
}

const grouped = (rows: ReadonlyArray<Row>): Map<number, Array<Row>> => {
  const groups = new Map<number, Array<Row>>()
  for (const row of rows) {
    const epoch = Number(row["epoch"])
    const group = groups.get(epoch)
    if (group === undefined) groups.set(epoch, [row])
    else group.push(row)
  }
  return groups
}

const columns = "epoch, id, agent, state, version, sequence, head, running, attempts, info"

const assemble = (runtimes: ReadonlyArray<Row>, pending: ReadonlyArray<Row>, outbox: ReadonlyArray<Row>) => {
  const pendingOf = grouped(pending)
  const outboxOf = grouped(outbox)
  return runtimes.map((row): Opened => {
    const epoch = Number(row["epoch"])
    return {
      held: { epoch, id: String(row["id"]), agent: String(row["agent"]), head: Number(row["head"]), logged: 0 },
      state: String(row["state"]),
      version: Number(row["version"]),
      sequence: Number(row["sequence"]),
      info: String(row["info"]),
      pending: (pendingOf.get(epoch) ?? []).map((one) => toPending(one, row)),
      outbox: (outboxOf.get(epoch) ?? []).map((one) => ({
        position: Number(one["position"]),
        message: String(one["message"])
      }))
    }
  })
}

/** Takes a live runtime over, and reads what is needed to go on with it. Inside a transaction. */
export const open = (sql: SqlClient, instance: number, id: string): Effect.Effect<Opened | undefined, SqlError> =>
  Effect.gen(function* () {
    const runtimes = yield* Rows.query(
      sql,
      `UPDATE agent_runtimes SET owner = $1 WHERE id = $2 AND terminated = 0 RETURNING ${columns}`,
      [instance, id]
    )
    const epoch = runtimes[0]?.["epoch"]
    if (epoch === undefined) return undefined
    const pending = yield* Rows.query(sql, "SELECT * FROM agent_pending WHERE epoch = $1 ORDER BY position", [
      Number(epoch)
    ])
    const outbox = yield* Rows.query(sql, "SELECT * FROM agent_outbox WHERE epoch = $1 ORDER BY position", [
      Number(epoch)
    ])
    return assemble(runtimes, pending, outbox)[0]
  })

/** Takes over all runtimes of an agent that have something to do; in time proportional to that. Inside a transaction. */
export const recover = (
  sql: SqlClient,
  instance: number,
  agent: string
): Effect.Effect<ReadonlyArray<Opened>, SqlError> =>
  Effect.gen(function* () {
    const runtimes = yield* Rows.query(
      sql,
      `UPDATE agent_runtimes SET owner = $1 WHERE agent = $2 AND terminated = 0
       AND epoch IN (SELECT epoch FROM agent_pending UNION SELECT epoch FROM agent_outbox) RETURNING ${columns}`,
      [instance, agent]
    )
    if (runtimes.length === 0) return []
    const ofAgent = (table: string) =>
      Rows.query(
        sql,
        `SELECT ${table}.* FROM ${table} JOIN agent_runtimes ON agent_runtimes.epoch = ${table}.epoch
         WHERE agent_runtimes.agent = $1 AND agent_runtimes.terminated = 0 ORDER BY ${table}.position`,
        [agent]
      )
    const pending = yield* ofAgent("agent_pending")
    const outbox = yield* ofAgent("agent_outbox")
    return assemble(runtimes, pending, outbox)
  })

const toEntry = (row: Row): Entry => ({
  sequence: optional(row["sequence"]),
  written: Number(row["written"]),
  entry: String(row["entry"])
})

/** The newest entries, oldest first. */
export const newest = (sql: SqlClient, head: number, limit: number): Effect.Effect<ReadonlyArray<Entry>, SqlError> =>
  Effect.map(
    Rows.query(
      sql,
      `${Statements.chain({ depth: "chain.depth < $2" })} SELECT sequence, written, entry FROM agent_log
       WHERE position IN (SELECT position FROM chain) ORDER BY position`,
      [head, limit]
    ),
    (rows) => rows.map(toEntry)
  )

/** The entries of committed events after a sequence, oldest first. */
export const after = (
  sql: SqlClient,
  head: number,
  sequence: number,
  limit: number
): Effect.Effect<ReadonlyArray<Entry>, SqlError> =>
  Effect.map(
    Rows.query(
      sql,
      `${Statements.chain({ row: "(agent_log.sequence IS NULL OR agent_log.sequence > $2)" })} SELECT sequence, written, entry FROM agent_log
       WHERE position IN (SELECT position FROM chain) AND sequence IS NOT NULL ORDER BY position LIMIT $3`,
      [head, sequence, limit]
    ),
    (rows) => rows.map(toEntry)
  )

export const letters = (
  sql: SqlClient,
  epoch: number
): Effect.Effect<ReadonlyArray<{ readonly position: number; readonly letter: string }>, SqlError> =>
  Effect.map(
    Rows.query(sql, "SELECT position, letter FROM agent_letters WHERE epoch = $1 ORDER BY position", [epoch]),
    (rows) => rows.map((row) => ({ position: Number(row["position"]), letter: String(row["letter"]) }))
  )

export interface Listed {
  readonly id: string
  readonly agent: string
  readonly epoch: number
  readonly sequence: number
  readonly state: string
  readonly version: number
  readonly info: string
}

/** Live runtimes by id, from the first after `cursor`. */
export const list = (
  sql: SqlClient,
  options: { readonly agent?: string; readonly prefix?: string; readonly cursor?: string; readonly limit: number }
): Effect.Effect<ReadonlyArray<Listed>, SqlError> => {
  const conditions = ["terminated = 0"]
  const params: Array<Rows.Value> = []
  const where = (condition: (parameter: string) => string, value: string | undefined) => {
    if (value === undefined) return
    params.push(value)
    conditions.push(condition(`$${params.length}`))
  }
  where((agent) => `agent = ${agent}`, options.agent)
  where((cursor) => `id > ${cursor}`, options.cursor)
  // Ids are ASCII: what begins with a prefix lies between it and it followed by the last of them.
  where((prefix) => `id >= ${prefix}`, options.prefix)
  where((last) => `id < ${last}`, options.prefix === undefined ? undefined : `${options.prefix}\u007f`)
  params.push(options.limit)
  return Effect.map(
    Rows.query(
      sql,
      `SELECT epoch, id, agent, sequence, state, version, info FROM agent_runtimes WHERE ${conditions.join(" AND ")}
       ORDER BY id LIMIT $${params.length}`,
      params
    ),
    (rows) =>
      rows.map((row) => ({
        id: String(row["id"]),
        agent: String(row["agent"]),
        epoch: Number(row["epoch"]),
        sequence: Number(row["sequence"]),
        state: String(row["state"]),
        version: Number(row["version"]),
        info: String(row["info"])
      }))
  )
}
