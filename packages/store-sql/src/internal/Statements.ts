// Every statement of a commit, each for many rows.
import { bigint, type Statement, text } from "./Rows.ts"

const insert = (table: string, columns: Statement["columns"]): Statement => {
  const names = columns.map((column) => column.name)
  return {
    columns,
    alone: `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    around: (v) =>
      `INSERT INTO ${table} (${names.join(", ")}) SELECT ${names.map((name) => `v.${name}`).join(", ")} FROM ${v}`
  }
}

/** Answers the ids that were new, with the keys they got. */
export const create: Statement = (() => {
  const statement = insert("agent_runtimes", [
    text("id"),
    text("agent"),
    bigint("epoch"),
    bigint("owner"),
    bigint("terminated"),
    text("state"),
    bigint("version"),
    bigint("sequence"),
    bigint("head"),
    bigint("running"),
    bigint("attempts"),
    text("info")
  ])
  return {
    columns: statement.columns,
    // Without the condition SQLite takes ON for that of a join.
    around: (v) => `${statement.around(v)} WHERE true ON CONFLICT (id) DO NOTHING RETURNING id, runtime`
  }
})()

/** What finds nothing to change where a runtime has another owner; both answer the runtimes that they found. */
export interface Guards {
  readonly advance: Statement
  readonly owned: Statement
}

export const guards = (owner: number, postgres: boolean): Guards => ({
  advance: advance(owner),
  owned: owned(owner, postgres)
})

/** A null leaves the column as it is. */
const advance = (owner: number): Statement => {
  const columns = [
    text("state"),
    bigint("version"),
    bigint("sequence"),
    bigint("head"),
    bigint("running"),
    bigint("attempts"),
    text("info"),
    bigint("terminated"),
    text("ended")
  ]
  const set = columns.map(({ name }) => `${name} = coalesce(v.${name}, agent_runtimes.${name})`).join(", ")
  const alone = columns.map(({ name }, i) => `${name} = coalesce(?${i + 2}, ${name})`).join(", ")
  return {
    columns: [bigint("runtime"), ...columns],
    alone: `UPDATE agent_runtimes SET ${alone} WHERE runtime = ?1 AND owner = ${owner}`,
    around: (v) => `UPDATE agent_runtimes SET ${set} FROM ${v}
      WHERE agent_runtimes.runtime = v.runtime AND agent_runtimes.owner = ${owner} RETURNING agent_runtimes.runtime`
  }
}

/** On PostgreSQL they cannot be taken over before the commit. */
const owned = (owner: number, postgres: boolean): Statement => ({
  columns: [bigint("runtime")],
  around: (v) => `SELECT agent_runtimes.runtime FROM agent_runtimes
    WHERE agent_runtimes.runtime IN (SELECT v.runtime FROM ${v}) AND agent_runtimes.owner = ${owner}${postgres ? " FOR SHARE" : ""}`
})

/** Makes this owner the owner of live runtimes. */
export const takeOver = (owner: number): Statement => ({
  columns: [text("id")],
  around: (v) => `UPDATE agent_runtimes SET owner = ${owner}
    WHERE id IN (SELECT v.id FROM ${v}) AND terminated = 0 AND owner <> ${owner}`
})

export const agents: Statement = {
  columns: [text("id")],
  around: (v) => `SELECT id, agent FROM agent_runtimes WHERE id IN (SELECT v.id FROM ${v})`
}

export const byId: Statement = {
  columns: [text("id")],
  around: (v) => `SELECT * FROM agent_runtimes WHERE id IN (SELECT v.id FROM ${v})`
}

/** The rows of runtimes in a table, in the order of their writing. */
export const rowsOf = (table: "agent_pending" | "agent_letters" | "agent_outbox"): Statement => ({
  columns: [bigint("runtime")],
  around: (v) => `SELECT * FROM ${table} WHERE runtime IN (SELECT v.runtime FROM ${v}) ORDER BY position`
})

export const accept = insert("agent_pending", [
  bigint("position"),
  bigint("runtime"),
  bigint("attempts"),
  bigint("crashes"),
  bigint("failures"),
  bigint("due"),
  bigint("ahead"),
  text("activity")
])

export const update: Statement = (() => {
  const columns = ["attempts", "crashes", "failures", "due", "ahead"]
  const set = columns.map((name) => `${name} = v.${name}`).join(", ")
  return {
    columns: ["position", ...columns].map(bigint),
    around: (v) => `UPDATE agent_pending SET ${set} FROM ${v} WHERE agent_pending.position = v.position`
  }
})()

export const append = insert("agent_log", [
  bigint("position"),
  bigint("runtime"),
  bigint("previous"),
  bigint("sequence"),
  bigint("written"),
  text("entry")
])

export const keep = insert("agent_states", [bigint("runtime"), bigint("sequence"), bigint("version"), text("state")])

export const bury = insert("agent_letters", [bigint("position"), bigint("runtime"), text("value")])

export const send = insert("agent_outbox", [bigint("position"), bigint("runtime"), text("value")])

const remove = (table: "agent_pending" | "agent_letters" | "agent_outbox"): Statement => ({
  columns: [bigint("position")],
  alone: `DELETE FROM ${table} WHERE position = ?`,
  around: (v) => `DELETE FROM ${table} WHERE position IN (SELECT v.position FROM ${v})`
})

export const removePending = remove("agent_pending")
export const exhume = remove("agent_letters")
export const sent = remove("agent_outbox")

/** Counts the commits of an instance, so that the database can be asked which one was the last. */
export const count: Statement = {
  columns: [bigint("instance"), bigint("commits")],
  around: (v) => `UPDATE agent_instances SET commits = v.commits FROM ${v} WHERE agent_instances.instance = v.instance`
}

/** The positions of a runtime's log, newest first, from its newest row at `$1`, for as long as the condition holds. */
export const chain = (condition: string): string =>
  `WITH RECURSIVE chain (position, previous, depth) AS (
    SELECT position, previous, CAST(1 AS BIGINT) FROM agent_log WHERE position = $1 AND ${condition}
    UNION ALL
    SELECT agent_log.position, agent_log.previous, chain.depth + 1
    FROM chain JOIN agent_log ON agent_log.position = chain.previous WHERE ${condition}
  )`
