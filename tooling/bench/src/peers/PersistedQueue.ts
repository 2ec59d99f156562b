/** Effect's `PersistedQueue` on the same SQLite file and client that ours writes to. */
import { join } from "node:path"
import { NodeSqlite } from "@agent-runtime/store-sql"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { PersistedQueue } from "effect/persistence"
import { throughput } from "../Measure.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"

/** Elements per second offered and processed, hundreds of them at a time, each acknowledged. */
export const persistedQueue = async (): Promise<number> => {
  const layer = PersistedQueue.layer.pipe(
    Layer.provide(PersistedQueue.layerStoreSql()),
    Layer.provide(NodeSqlite.layer({ filename: join(temporaryFolder(), "queue.sqlite") }))
  )
  const runtime = ManagedRuntime.make(layer)
  const queue = await runtime.runPromise(
    PersistedQueue.make({ name: "bench", schema: Schema.Struct({ by: Schema.Int }) })
  )
  const count = 100
  const round = Effect.all(
    [
      Effect.forEach(Array.from({ length: count }), () => queue.offer({ by: 1 }), {
        concurrency: "unbounded",
        discard: true
      }),
      Effect.replicateEffect(
        queue.take(() => Effect.void),
        count,
        { concurrency: "unbounded", discard: true }
      )
    ],
    { concurrency: "unbounded", discard: true }
  )
  return throughput(count, () => runtime.runPromise(round))
}
