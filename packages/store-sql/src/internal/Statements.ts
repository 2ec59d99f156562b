// Every statement of a group commit, each for many rows.
import { bigint, type Statement, text } from "./Rows.ts"

/** A null leaves the column as it is. Answers the epochs that were still owned. */
export const advance = (owner: number): Statement => ({
  columns: [
    bigint("epoch"),
    text("state"),
    bigint("version"),
    bigint("sequence"),
    bigint("head"),
    bigint("running"),
    bigint("attempts"),
    text("info"),
    bigint("terminated")
  ],
  around: (v) => `UPDATE agent_runtimes SET
    state = coalesce(v.state, agent_runtimes.state),
    version = coalesce(v.version, agent_runtimes.version),
    sequence = coalesce(v.sequence, agent_runtimes.sequence),
    head = coalesce(v.head, agent_runtimes.head),
    running = coalesce(v.running, agent_runtimes.running),
    attempts = coalesce(v.attempts, agent_runtimes.attempts),
    info = coalesce(v.info, agent_runtimes.info),
    terminated = coalesce(v.terminated, agent_runtimes.terminated)
    FROM ${v} WHERE agent_runtimes.epoch = v.epoch AND agent_runtimes.owner = ${owner}
    RETURNING agent_runtimes.epoch`
})

/** Answers the epochs that are still owned. On PostgreSQL they cannot be taken over before the commit. */
export const owned = (owner: number, postgres: boolean): Statement => ({
  columns: [bigint("epoch")],
  around: (v) => `SELECT agent_runtimes.epoch FROM agent_runtimes
    WHERE agent_runtimes.epoch IN (SELECT v.epoch FROM ${v}) AND agent_runtimes.owner = ${owner}${postgres ? " FOR SHARE" : ""}`
})

export const accept: Statement = {
  columns: [bigint("position"), bigint("epoch"), bigint("attempts"), bigint("due"), bigint("ahead"), text("activity")],
  around: (v) => `INSERT INTO agent_pending (position, epoch, attempts, due, ahead, activity)
    SELECT v.position, v.epoch, v.attempts, v.due, v.ahead, v.activity FROM ${v}`
}

export const update: Statement = {
  columns: [bigint("position"), bigint("attempts"), bigint("due"), bigint("ahead")],
  around: (v) => `UPDATE agent_pending SET attempts = v.attempts, due = v.due, ahead = v.ahead
    FROM ${v} WHERE agent_pending.position = v.position`
}

export const append: Statement = {
  columns: [
    bigint("position"),
    bigint("epoch"),
    bigint("previous"),
    bigint("sequence"),
    bigint("written"),
    text("entry")
  ],
  around: (v) => `INSERT INTO agent_log (position, epoch, previous, sequence, written, entry)
    SELECT v.position, v.epoch, v.previous, v.sequence, v.written, v.entry FROM ${v}`
}

export const keep: Statement = {
  columns: [bigint("epoch"), bigint("sequence"), bigint("version"), text("state")],
  around: (v) => `INSERT INTO agent_states (epoch, sequence, version, state)
    SELECT v.epoch, v.sequence, v.version, v.state FROM ${v}`
}

export const bury: Statement = {
  columns: [bigint("position"), bigint("epoch"), text("letter")],
  around: (v) => `INSERT INTO agent_letters (position, epoch, letter) SELECT v.position, v.epoch, v.letter FROM ${v}`
}

export const send: Statement = {
  columns: [bigint("position"), bigint("epoch"), text("message")],
  around: (v) => `INSERT INTO agent_outbox (position, epoch, message) SELECT v.position, v.epoch, v.message FROM ${v}`
}

export const remove = (table: "agent_pending" | "agent_letters" | "agent_outbox"): Statement => ({
  columns: [bigint("position")],
  around: (v) => `DELETE FROM ${table} WHERE position IN (SELECT v.position FROM ${v})`
})

/** The positions of a runtime's log, newest first, from its newest row at `$1`, for as long as the condition holds. */
export const chain = (condition: { readonly row: string } | { readonly depth: string }): string => {
  const row = "row" in condition ? condition.row : "true"
  const next = "row" in condition ? condition.row : condition.depth
  return `WITH RECURSIVE chain (position, previous, depth) AS (
    SELECT position, previous, CAST(1 AS BIGINT) FROM agent_log WHERE position = $1 AND ${row}
    UNION ALL
    SELECT agent_log.position, agent_log.previous, chain.depth + 1
    FROM chain JOIN agent_log ON agent_log.position = chain.previous WHERE ${next}
  )`
}
