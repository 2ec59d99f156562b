// What becomes of subscribers of a runtime that sleeps here while another process has it.
import { RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, type AgentEvent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { managerOn } from "./support/FaultyStore.ts"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add] })
const SumLayer = Workflow.layer(Sum, { Add: ({ payload }, total) => Effect.succeed(total + payload.n) })

/** Two managers on one store, as two processes have, and a runtime of the first that sleeps after its first activity. */
const asleep = Effect.gen(function* () {
  const store = Layer.succeedContext(yield* Layer.build(RuntimeStore.layerMemory))
  const process = Effect.map(
    Layer.build(
      Layer.fresh(SumLayer.pipe(Layer.provideMerge(managerOn(store, { maxIdleTime: Duration.seconds(30) }))))
    ),
    (built) => Context.get(built, RuntimeManager.RuntimeManager)
  )
  const here = yield* process
  const elsewhere = yield* process
  const runtime = yield* here.create(Sum, { id: "sum" })
  const events = yield* runtime.subscription()
  const seen = yield* Effect.forkChild(Stream.runCollect(events), { startImmediately: true })
  yield* runtime.ask(Add.make({ n: 1 }))
  yield* TestClock.adjust("1 minute")
  yield* TestClock.adjust("1 minute")
  return { here, runtime, elsewhere, told: Effect.map(Fiber.join(seen), (events) => events.map(toText)) }
})

const toText = (event: AgentEvent.AgentEvent): string =>
  event._tag === "Processed"
    ? `${event.sequence}`
    : event._tag === "Gap"
      ? `gap of ${event.missed}: ${event.from} to ${event.to}`
      : event._tag === "End"
        ? event.reason
        : event._tag

it.effect(
  "R8 B5 a subscriber is told what it misses while its runtime is elsewhere, and goes on when that is back",
  () =>
    Effect.gen(function* () {
      const { elsewhere, runtime, told } = yield* asleep
      const there = yield* elsewhere.get(Sum, "sum")
      yield* there.ask(Add.make({ n: 2 }))
      yield* there.ask(Add.make({ n: 3 }))
      assert.strictEqual((yield* runtime.info).state, 6)
      yield* runtime.ask(Add.make({ n: 4 }))
      yield* runtime.terminate()
      assert.deepStrictEqual(yield* told, ["1", "gap of 2: 2 to 3", "4", "terminated"])
    })
)

it.effect("R3 R8 a subscriber is told of the end of its runtime elsewhere, and nothing of the next life", () =>
  Effect.gen(function* () {
    const { elsewhere, here, runtime, told } = yield* asleep
    yield* elsewhere.terminate("sum")
    yield* (yield* elsewhere.create(Sum, { id: "sum" })).ask(Add.make({ n: 5 }))
    const next = yield* here.get(Sum, "sum")
    yield* next.ask(Add.make({ n: 6 }))
    assert.isAbove(next.epoch, runtime.epoch)
    assert.deepStrictEqual(yield* told, ["1", "terminated"])
  })
)

it.effect("R8 a subscriber is told of the end of its runtime elsewhere, and of what it missed before", () =>
  Effect.gen(function* () {
    const { elsewhere, here, told } = yield* asleep
    const there = yield* elsewhere.get(Sum, "sum")
    yield* there.ask(Add.make({ n: 2 }))
    yield* there.terminate()
    assert.strictEqual((yield* (yield* here.get(Sum, "sum")).info).status, "terminated")
    assert.deepStrictEqual(yield* told, ["1", "gap of 1: 2 to 2", "terminated"])
  })
)
