/** An Effect Cluster entity whose messages are persisted in PostgreSQL, on one runner. */
import { NodeCrypto } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { ClusterSchema, Entity, SingleRunner } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { throughput } from "../Measure.ts"
import { withPostgres } from "./Postgres.ts"

const Counter = Entity.make("Counter", [
  Rpc.make("Increment", { payload: { by: Schema.Int }, success: Schema.Int }).annotate(ClusterSchema.Persisted, true)
])

const CounterLayer = Counter.toLayer(
  Effect.sync(() => {
    let count = 0
    return Counter.of({ Increment: ({ payload }) => Effect.sync(() => (count += payload.by)) })
  }),
  { mailboxCapacity: "unbounded" }
)

const entities = 100

/** Persisted messages per second, one to each of 100 entities at a time, each waited for. */
export const persistedEntity = (): Promise<number> =>
  withPostgres(async (url) => {
    const runtime = ManagedRuntime.make(
      CounterLayer.pipe(
        Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory" })),
        Layer.provide([PgClient.layer({ url: Redacted.make(url) }), NodeCrypto.layer])
      )
    )
    const clientFor = await runtime.runPromise(Counter.client)
    const clients = Array.from({ length: entities }, (_, index) => clientFor(`counter-${index}`))
    const round = Effect.forEach(clients, (client) => client.Increment({ by: 1 }), {
      concurrency: "unbounded",
      discard: true
    })
    const sample = await throughput(entities, () => runtime.runPromise(round))
    await runtime.dispose()
    return sample
  })
