import type { RuntimeStore } from "@agent-runtime/core"
import { NodeSqlite, SqlRuntimeStore } from "@agent-runtime/store-sql"
import { PgClient } from "@effect/sql-pg"
import type { AgentError } from "@agent-runtime/schema"
import { Effect, Layer, Redacted, type Schema, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { join } from "node:path"
import { PostgresServer } from "./PostgresServer.ts"
import * as TempFolder from "./TempFolder.ts"

/** A store on a client. */
export const onClient = (
  sql: SqlClient.SqlClient
): Effect.Effect<RuntimeStore.RuntimeStore["Service"], AgentError.StoreUnavailable, Scope.Scope> =>
  Effect.provideService(SqlRuntimeStore.make, SqlClient.SqlClient, sql)

/** Writes one step of one runtime. */
export const write = (
  store: RuntimeStore.RuntimeStore["Service"],
  handle: RuntimeStore.Handle,
  change: RuntimeStore.Change
): Effect.Effect<RuntimeStore.Written, RuntimeStore.RuntimeFenced | AgentError.StoreUnavailable> =>
  Effect.flatMap(store.write([{ handle, change }]), ([exit]) => exit!)

/** An activity that is accepted, none of whose attempts has begun. */
export const accepted = (activity: Schema.Json): NonNullable<RuntimeStore.Change["accept"]>[number] => ({
  activity,
  attempts: 0,
  crashes: 0,
  failures: 0,
  due: undefined,
  ahead: false
})

/** A database of its own for one test, and how to open a store on it: each as another process would. */
export interface Database {
  readonly store: Effect.Effect<RuntimeStore.RuntimeStore["Service"], AgentError.StoreUnavailable, Scope.Scope>
  readonly sql: Effect.Effect<SqlClient.SqlClient, SqlError.SqlError, Scope.Scope>
}

const database = (client: Layer.Layer<SqlClient.SqlClient, SqlError.SqlError>): Database => {
  const sql = Effect.flatMap(Layer.build(Layer.fresh(client)), (context) =>
    Effect.provide(SqlClient.SqlClient, context)
  )
  return {
    sql,
    store: Effect.flatMap(Effect.orDie(sql), onClient)
  }
}

export const sqlite = Effect.map(TempFolder.make, (folder) =>
  database(NodeSqlite.layer({ filename: join(folder, "store.db") }))
)

export const postgres = Effect.gen(function* () {
  const server = yield* PostgresServer
  const url = Redacted.make(yield* server.newDatabase)
  return database(PgClient.layer({ url, maxConnections: 4 }))
})
