/** Our own durable runtimes, used as a program uses them. */
import { join } from "node:path"
import { RuntimeManager, Workflow, type RuntimeStore } from "@agent-runtime/core"
import { ActivityType, Agent, type AgentError } from "@agent-runtime/schema"
import { SqlRuntimeStore } from "@agent-runtime/store-sql"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { throughput } from "../Measure.ts"
import { withPostgres } from "../peers/Postgres.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"

const Add = ActivityType.make("Add", { payload: { by: Schema.Int } })
const Counter = Agent.make("Counter", { state: Schema.Int, initialState: 0, activities: [Add] })

type StoreLayer = Layer.Layer<RuntimeStore.RuntimeStore, AgentError.StoreUnavailable>

const workflow = (before: Effect.Effect<void>) =>
  Workflow.layer(Counter, {
    Add: Effect.fnUntraced(function* ({ payload }, count) {
      yield* before
      return count + payload.by
    })
  })

const manage = (store: StoreLayer, before: Effect.Effect<void> = Effect.void) =>
  ManagedRuntime.make(workflow(before).pipe(Layer.provideMerge(RuntimeManager.layerDurable), Layer.provide(store)))

const runtimes = 100
const each = 10

const create = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  return yield* Effect.forEach(
    Array.from({ length: runtimes }),
    (_, i) => manager.create(Counter, { id: `account-${i}` }),
    {
      concurrency: "unbounded"
    }
  )
})

/** Activities per second, 1000 at a time over 100 runtimes, each accepted, processed and committed. */
const sending = async (store: StoreLayer): Promise<number> => {
  const runtime = manage(store)
  const accounts = await runtime.runPromise(create)
  const request = Add.make({ by: 1 })
  const round = Effect.forEach(
    Array.from({ length: each }).flatMap(() => accounts),
    (account) => account.ask(request),
    { concurrency: "unbounded", discard: true }
  )
  const sample = await throughput(runtimes * each, () => runtime.runPromise(round))
  await runtime.dispose()
  return sample
}

const sqliteFile = () => SqlRuntimeStore.layerSqlite({ filename: join(temporaryFolder(), "store.sqlite") })

export const sqliteSend = (): Promise<number> => sending(sqliteFile())

export const postgresSend = (): Promise<number> =>
  withPostgres((url) =>
    sending(SqlRuntimeStore.layer.pipe(Layer.provide(PgClient.layer({ url: Redacted.make(url) })), Layer.orDie))
  )

/** Milliseconds from opening the store until what was pending has been processed. */
export const recover = async (ended: number, pending: number): Promise<number> => {
  const store = sqliteFile()
  const first = manage(store)
  const accounts = await first.runPromise(create)
  const request = Add.make({ by: 1 })
  const sendAll = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, i) => accounts[i % runtimes]!),
      (account) => account.ask(request),
      { concurrency: 1000, discard: true }
    )
  await first.runPromise(sendAll(ended))
  await first.runPromise(Effect.forEach(accounts, (account) => account.pause, { discard: true }))
  await first.runPromise(
    Effect.forEach(
      Array.from({ length: pending }, (_, i) => accounts[i % runtimes]!),
      (account) => account.send(request),
      { concurrency: "unbounded", discard: true }
    )
  )
  await first.dispose()

  const start = performance.now()
  const second = manage(store)
  await second.runPromise(
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* Effect.forEach(
        accounts,
        Effect.fnUntraced(function* ({ id }) {
          const account = yield* manager.get(id)
          yield* account.resume
          // In one lane and one at a time: the answer to this comes after all that was pending.
          yield* account.ask(Add.make({ by: 0 }) as never)
        }),
        { concurrency: "unbounded", discard: true }
      )
    })
  )
  const sample = performance.now() - start
  await second.dispose()
  return sample
}
