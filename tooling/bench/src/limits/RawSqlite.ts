/** The rows of an activity written straight through `node:sqlite`: the log by rowid, and the runtime's state. */
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { throughput } from "../Measure.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"

const runtimes = 100

/** Activities per second, so many in each transaction, with `synchronous = FULL`. */
export const rawSqlite = async (perTransaction: number): Promise<number> => {
  const database = new DatabaseSync(join(temporaryFolder(), "raw.sqlite"))
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE log (
      position INTEGER PRIMARY KEY, runtime TEXT, epoch INTEGER, sequence INTEGER,
      activity TEXT, type TEXT, priority TEXT, payload TEXT, accepted_at INTEGER, ended_at INTEGER
    );
    CREATE TABLE state (runtime TEXT PRIMARY KEY, epoch INTEGER, sequence INTEGER, state TEXT) WITHOUT ROWID;
  `)
  const begin = database.prepare("BEGIN IMMEDIATE")
  const commit = database.prepare("COMMIT")
  const append = database.prepare(
    "INSERT INTO log (runtime, epoch, sequence, activity, type, priority, payload, accepted_at, ended_at) VALUES (?, 1, ?, ?, 'Add', 'standard', ?, ?, ?)"
  )
  const upsert = database.prepare(
    "INSERT INTO state (runtime, epoch, sequence, state) VALUES (?, 1, ?, ?) ON CONFLICT (runtime) DO UPDATE SET sequence = excluded.sequence, state = excluded.state"
  )
  let sent = 0
  const transaction = () => {
    begin.run()
    for (let i = 0; i < perTransaction; i++) {
      const sequence = sent++
      const runtime = `account-${sequence % runtimes}`
      const now = Date.now()
      append.run(runtime, sequence, `activity-${sequence}`, '{"by":1}', now, now)
      upsert.run(runtime, sequence, `{"count":${sequence}}`)
    }
    commit.run()
  }
  return throughput(perTransaction, transaction)
}
