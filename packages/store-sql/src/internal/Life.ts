// The beginnings and ends of runtimes in the database: create, open, purge.
import { RuntimeStore } from "@agent-runtime/core"
import { AgentRuntimeId } from "@agent-runtime/schema"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Held } from "./Held.ts"
import * as Log from "./Log.ts"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

export type CreateOptions = Parameters<RuntimeStore.RuntimeStore["Service"]["create"]>[0]

/** Whether who opens a runtime runs its agent. */
export type CanRun = (agent: string) => boolean

/** A runtime that some want to open. */
export interface Opening {
  readonly canRun: Array<CanRun>
  found: Found | undefined
}

/** An opened runtime, and the highest position among its rows. */
export interface Found {
  readonly opened: RuntimeStore.Opened
  readonly highest: number
}

export const fenced = (held: Held): RuntimeStore.RuntimeFenced =>
  new RuntimeStore.RuntimeFenced({
    id: held.id,
    message: `Agent runtime "${held.id}" has been opened by another owner of this store: this one lets go`
  })

/** Creates what does not exist or has terminated. Inside a transaction. */
export const create = (
  sql: SqlClient,
  owner: number,
  creations: ReadonlyMap<string, { readonly options: CreateOptions; held: Held | undefined }>
): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const insert = (ids: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const rows = ids.map((id) => {
          const { agent, epoch, info, state, version } = creations.get(id)!.options
          return [id, agent, epoch, owner, 0, JSON.stringify(state), version, 0, 0, 0, 0, JSON.stringify(info)]
        })
        for (const row of yield* Rows.run(sql, Statements.create, rows)) {
          const creation = creations.get(String(row["id"]))!
          creation.held = new Held(Number(row["runtime"]), creation.options, {
            head: 0,
            running: 0,
            pending: 0,
            ended: []
          })
        }
      })
    for (const creation of creations.values()) creation.held = undefined
    yield* insert([...creations.keys()])
    const taken = [...creations].filter(([, creation]) => creation.held === undefined).map(([id]) => id)
    const gone: Array<string> = []
    for (const id of taken) if (yield* purge(sql, id)) gone.push(id)
    yield* insert(gone)
  })

/** Removes every row of a terminated runtime; answers whether there was one. Inside a transaction. */
export const purge = (sql: SqlClient, id: string): Effect.Effect<boolean, SqlError> =>
  Effect.gen(function* () {
    const rows = yield* Rows.query(
      sql,
      "DELETE FROM agent_runtimes WHERE id = $1 AND terminated = 1 RETURNING runtime, head",
      [id]
    )
    const row = rows[0]
    if (row === undefined) return false
    const runtime = Number(row["runtime"])
    yield* Log.drop(sql, Number(row["head"]), 0)
    for (const table of ["agent_pending", "agent_states", "agent_letters", "agent_outbox"]) {
      yield* Rows.query(sql, `DELETE FROM ${table} WHERE runtime = $1`, [runtime])
    }
    return true
  })

const grouped = (rows: ReadonlyArray<Rows.Row>): Map<number, Array<Rows.Row>> => {
  const groups = new Map<number, Array<Rows.Row>>()
  for (const row of rows) {
    const runtime = Number(row["runtime"])
    const group = groups.get(runtime)
    if (group === undefined) groups.set(runtime, [row])
    else group.push(row)
  }
  return groups
}

export const toId = (row: Rows.Row): AgentRuntimeId.AgentRuntimeId =>
  AgentRuntimeId.AgentRuntimeId.make(String(row["id"]))

export const toStored = (row: Rows.Row): RuntimeStore.Stored => ({
  id: toId(row),
  agent: String(row["agent"]),
  epoch: Number(row["epoch"]),
  terminated: Number(row["terminated"]) === 1,
  state: Rows.parse(row["state"]),
  version: Number(row["version"]),
  sequence: Number(row["sequence"]),
  info: Rows.parse(row["info"])
})

const toKept = (row: Rows.Row): RuntimeStore.Kept => ({
  position: Number(row["position"]),
  value: Rows.parse(row["value"])
})

const toEnded = (row: Rows.Row): ReadonlyArray<number> => {
  const positions = String(row["ended"])
  return positions === "" ? [] : positions.split(",").map(Number)
}

const toPending =
  (running: number, attempts: number) =>
  (row: Rows.Row): RuntimeStore.Pending => {
    const position = Number(row["position"])
    return {
      position,
      activity: Rows.parse(row["activity"]),
      // The attempt that was running is on record with the runtime, not with the activity.
      attempts: position === running ? attempts : Number(row["attempts"]),
      crashes: Number(row["crashes"]),
      failures: Number(row["failures"]),
      due: row["due"] === null ? undefined : Number(row["due"]),
      ahead: Number(row["ahead"]) === 1
    }
  }

/** Takes over the live runtimes that can run here, and reads what is needed to go on with them. Inside a transaction. */
export const open = (
  sql: SqlClient,
  owner: number,
  openings: ReadonlyMap<string, Opening>
): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const ids = [...openings.keys()].map((id) => [id])
    const ours = (yield* Rows.run(sql, Statements.agents, ids)).filter(({ agent, id }) =>
      openings.get(String(id))!.canRun.some((canRun) => canRun(String(agent)))
    )
    yield* Rows.run(
      sql,
      Statements.takeOver(owner),
      ours.map(({ id }) => [String(id)])
    )
    const rows = yield* Rows.run(sql, Statements.byId, ids)
    const runtimes = rows.map((row) => [Number(row["runtime"])])
    const pending = grouped(yield* Rows.run(sql, Statements.rowsOf("agent_pending"), runtimes))
    const letters = grouped(yield* Rows.run(sql, Statements.rowsOf("agent_letters"), runtimes))
    const outbox = grouped(yield* Rows.run(sql, Statements.rowsOf("agent_outbox"), runtimes))
    for (const row of rows) {
      const runtime = Number(row["runtime"])
      const head = Number(row["head"])
      const running = Number(row["running"])
      const stored = toStored(row)
      const ended = toEnded(row)
      const left = (pending.get(runtime) ?? []).filter((one) => !ended.includes(Number(one["position"])))
      const opened: RuntimeStore.Opened = {
        ...stored,
        handle: new Held(runtime, stored, { head, running, pending: left.length, ended }),
        pending: left.map(toPending(running, Number(row["attempts"]))),
        running: running === 0 ? undefined : running,
        deadLetters: (letters.get(runtime) ?? []).map(toKept),
        outbox: (outbox.get(runtime) ?? []).map(toKept)
      }
      const newest = [opened.pending, opened.deadLetters, opened.outbox].map((rows) => rows.at(-1)?.position ?? 0)
      openings.get(stored.id)!.found = { opened, highest: Math.max(head, ...newest) }
    }
  })
