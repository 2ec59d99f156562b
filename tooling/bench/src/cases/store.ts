/** Durable runtimes, against the same rows written by hand and other durable queues. */
import type { Case } from "../Case.ts"

const durable = () => import("../own/Durable.ts")
const sqlite = () => import("../limits/RawSqlite.ts")
const postgres = () => import("../peers/Postgres.ts")

const sqliteSend: Case = {
  name: "store/sqlite-send",
  measures:
    "Activities over 100 runtimes, 1000 at a time, each accepted, processed and committed to SQLite with synchronous = FULL. Raw is the row " +
    "of the log and the state, without anything processed.",
  unit: "ops/s",
  ours: async () => (await durable()).sqliteSend(),
  peers: {
    "limit: raw rows, transactions of 100": async () => (await sqlite()).rawSqlite(100),
    "raw rows, a transaction each": async () => (await sqlite()).rawSqlite(1)
  },
  targets: [
    { peer: "limit: raw rows, transactions of 100", ratio: 0.25 },
    { peer: "raw rows, a transaction each", ratio: 3 }
  ]
}

const postgresSend: Case = {
  name: "store/postgres-send",
  measures:
    "As store/sqlite-send, on a PostgreSQL server on this machine; raw goes through pg, the rows of each table in one statement.",
  unit: "ops/s",
  ours: async () => (await durable()).postgresSend(),
  peers: {
    "limit: raw rows, transactions of 100": async () => (await postgres()).rawPostgres(100),
    "raw rows, a transaction each": async () => (await postgres()).rawPostgres(1),
    "persisted messages of a cluster entity": async () =>
      (await import("../peers/PersistedEntity.ts")).persistedEntity()
  },
  targets: [
    { peer: "limit: raw rows, transactions of 100", ratio: 0.3 },
    { peer: "persisted messages of a cluster entity", ratio: 10 }
  ]
}

const persistedQueue: Case = {
  name: "store/persisted-queue",
  measures: "store/sqlite-send against Effect's PersistedQueue on the same SqlClient, 100 offered and taken at a time.",
  unit: "ops/s",
  ours: async () => (await durable()).sqliteSend(),
  peers: { PersistedQueue: async () => (await import("../peers/PersistedQueue.ts")).persistedQueue() },
  targets: [{ peer: "PersistedQueue", ratio: 3 }]
}

const recover: Case = {
  name: "store/recover",
  measures:
    "The time from opening a SQLite store that holds 100,000 ended and 1,000 pending activities of 100 runtimes until all that was " +
    "pending has been processed.",
  unit: "ms",
  ours: async () => (await durable()).recover(100_000, 1000),
  peers: {
    "2 s": 2000,
    "with 10,000 ended": async () => (await durable()).recover(10_000, 1000)
  },
  targets: [{ peer: "2 s", ratio: 1 }]
}

export const cases: ReadonlyArray<Case> = [sqliteSend, postgresSend, persistedQueue, recover]
