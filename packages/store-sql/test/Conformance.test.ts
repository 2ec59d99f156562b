import { RuntimeConfig, RuntimeManager, RuntimeStore } from "@agent-runtime/core"
import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
import { layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { PostgresServer } from "./support/PostgresServer.ts"
import * as Stores from "./support/Stores.ts"

const on = <R>(database: Effect.Effect<Stores.Database, SqlError.SqlError, R>) =>
  RuntimeTest.layer.pipe(
    Layer.provideMerge(RuntimeManager.layerDurable),
    Layer.provide(
      Layer.effect(
        RuntimeStore.RuntimeStore,
        Effect.flatMap(database, ({ store }) => store)
      )
    ),
    Layer.provide(RuntimeConfig.layer(RuntimeTest.limits)),
    Layer.merge(RuntimeTest.layerTestClock),
    Layer.provideMerge(TestClock.layer())
  )

layer(PostgresServer.layer, { excludeTestServices: true, timeout: 300_000 })("RuntimeManager.layerDurable", (it) => {
  for (const { rule, run, title } of RuntimeTest.conformance) {
    it.effect(`${rule} ${title} (SQLite)`, () => Effect.provide(run, on(Stores.sqlite)))
    it.effect(`${rule} ${title} (PostgreSQL)`, () => Effect.provide(run, on(Stores.postgres)))
  }
})
