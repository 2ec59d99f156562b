// What one runtime sends to another arrives in the order in which it was sent.
import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"

const Item = ActivityType.make("Item", { payload: { n: Schema.Int } })
const Burst = ActivityType.make("Burst", { payload: { from: Schema.Int, to: Schema.Int } })
const Source = Agent.make("Source", { state: Schema.Int, initialState: 0, activities: [Burst] })
const Sink = Agent.make("Sink", { state: Schema.Array(Schema.Int), initialState: [], activities: [Item] })
const SourceLayer = Workflow.layer(Source, {
  Burst: ({ payload: { from, to } }, n, context) =>
    Effect.gen(function* () {
      for (let i = from; i < to; i++) yield* Effect.orDie(context.send("sink", Item.make({ n: i })))
      return n
    })
})
const SinkLayer = Workflow.layer(Sink, {
  Item: ({ payload }, all) => Effect.as(Effect.sleep("1 second"), [...all, payload.n])
})

for (const [where, manager] of [
  ["in memory", RuntimeManager.layer],
  ["with a store", RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))]
] as const) {
  it.effect(`P8 ${where} what one sends to another arrives in its order, also where that is full for a while`, () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const source = yield* manager.create(Source)
      const sink = yield* manager.create(Sink, { id: "sink" })
      yield* source.ask(Burst.make({ from: 0, to: 6 }))
      yield* source.ask(Burst.make({ from: 6, to: 8 }))
      for (let i = 0; i < 20; i++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([...(yield* sink.info).state], [0, 1, 2, 3, 4, 5, 6, 7])
      assert.deepStrictEqual(yield* source.deadLetters, [])
    }).pipe(
      Effect.provide(
        Layer.merge(SourceLayer, SinkLayer).pipe(
          Layer.provideMerge(manager),
          Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 3 }))
        )
      )
    )
  )
}
