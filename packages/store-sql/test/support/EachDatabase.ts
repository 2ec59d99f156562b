import { describe, layer, type Vitest } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import type { SqlError } from "effect/sql"
import { PostgresServer } from "./PostgresServer.ts"
import * as Stores from "./Stores.ts"

/** The same tests on SQLite and on PostgreSQL. */
export const onEachDatabase = (
  name: string,
  suite: (
    it: Vitest.MethodsNonLive<PostgresServer>,
    makeDatabase: Effect.Effect<Stores.Database, SqlError.SqlError, PostgresServer | Scope.Scope>
  ) => void
): void =>
  layer(PostgresServer.layer, { excludeTestServices: true, timeout: 300_000 })(name, (it) => {
    describe("on SQLite", () => void suite(it, Stores.sqlite))
    describe("on PostgreSQL", () => void suite(it, Stores.postgres))
  })
