import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { FaultyStore, managerOn, storeWith } from "./support/FaultyStore.ts"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Latest = ActivityType.make("Latest", { payload: { n: Schema.Int }, overlap: "coalesce" })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Latest] })
const SumLayer = Workflow.layer(Sum, {
  Add: ({ payload }, total) => Effect.succeed(total + payload.n),
  Latest: ({ payload }, total) => Effect.succeed(total + payload.n)
})

/** A manager that knows how to add, on a store. */
const onStore = (
  store: Layer.Layer<RuntimeStore.RuntimeStore>,
  config: Partial<RuntimeConfig.RuntimeConfigShape> = {}
) => SumLayer.pipe(Layer.provideMerge(managerOn(store, config)))

describe("what is to be replaced by what the store refuses", () => {
  for (const [how, type] of [
    ["P7 coalesce", Latest],
    ["P13 sliding", Add]
  ] as const) {
    it.effect(`D6 ${how}: goes on waiting, and is processed`, () => {
      const store = new FaultyStore()
      return Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Sum)
        yield* runtime.pause
        yield* runtime.send(type.make({ n: 1 }), { id: "first" })
        store.isAway = true
        const refused = yield* Effect.flip(runtime.send(type.make({ n: 2 }), { id: "second" }))
        assert.strictEqual(refused._tag, "StoreUnavailable")
        store.isAway = false
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* runtime.receipt("first")).status, "accepted")
        yield* runtime.send(type.make({ n: 4 }), { id: "third" })
        assert.strictEqual((yield* runtime.receipt("first")).status, "superseded")
        yield* runtime.resume
        yield* runtime.awaitReceipt("third")
        assert.strictEqual((yield* runtime.info).state, 4)
      }).pipe(Effect.provide(onStore(store.layer, { mailboxCapacity: 1, mailboxStrategy: "sliding" })))
    })
  }
})

it.effect("P3 an ask that is interrupted while it is written is cancelled, if it was asked to", () => {
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* runtime.pause
    yield* store.gate.close
    const asking = yield* Effect.forkChild(
      runtime.ask(Add.make({ n: 1 }), { id: "given-up", cancelOnInterrupt: true }),
      {
        startImmediately: true
      }
    )
    yield* Fiber.interrupt(asking)
    yield* store.gate.open
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* runtime.awaitReceipt("given-up")).status, "cancelled")
    yield* runtime.resume
    assert.strictEqual((yield* runtime.info).state, 0)
  }).pipe(Effect.provide(onStore(store.layer)))
})

it.effect("P7 coalesce replaces one that waits, also where both are written at a time", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* runtime.pause
    yield* Effect.all(
      [1, 2, 4].map((n) => runtime.send(Latest.make({ n }), { id: `n${n}` })),
      { concurrency: "unbounded" }
    )
    assert.strictEqual((yield* runtime.info).mailbox.lanes.standard.size, 1)
    yield* runtime.resume
    yield* runtime.awaitReceipt("n4")
    assert.strictEqual((yield* runtime.info).state, 4)
    assert.strictEqual((yield* runtime.awaitReceipt("n1")).status, "superseded")
  }).pipe(Effect.provide(onStore(RuntimeStore.layerMemory)))
)

it.effect(
  "P7 P10 what comes due replaces what waits, also in a later life; a retry that comes due replaces nothing",
  () =>
    Effect.gen(function* () {
      class No extends Schema.TaggedError<No>()("No", {}) {}
      const Again = ActivityType.make("Again", {
        payload: { fails: Schema.Boolean },
        error: No,
        overlap: "coalesce",
        retry: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 1 }))
      })
      const Diary = Agent.make("Diary", { state: Schema.Array(Schema.String), initialState: [], activities: [Again] })
      const DiaryLayer = Workflow.layer(Diary, {
        Again: ({ attempts, id, payload }, ids) =>
          payload.fails && attempts === 1 ? Effect.fail(new No()) : Effect.succeed([...ids, id])
      })
      const store = yield* Layer.build(RuntimeStore.layerMemory)
      const life = DiaryLayer.pipe(
        Layer.provideMerge(RuntimeManager.layerDurable),
        Layer.provide(Layer.succeedContext(store))
      )
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Diary, { id: "diary" })
        yield* runtime.send(Again.make({ fails: true }), { id: "retried" })
        yield* TestClock.adjust("1 second")
        yield* runtime.pause
        yield* runtime.send(Again.make({ fails: false }), { id: "newer" })
        yield* TestClock.adjust("2 minutes")
        yield* runtime.resume
        for (const id of ["newer", "retried"]) assert.strictEqual((yield* runtime.awaitReceipt(id)).status, "succeeded")
        yield* runtime.pause
        yield* runtime.send(Again.make({ fails: false }), { id: "waiting" })
        yield* runtime.send(Again.make({ fails: false }), { id: "delayed", deliverAt: 600_000 })
      }).pipe(Effect.provide(life))
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.get(Diary, "diary")
        assert.strictEqual((yield* runtime.receipt("waiting")).status, "accepted")
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual((yield* runtime.awaitReceipt("waiting")).status, "superseded")
        yield* runtime.resume
        assert.strictEqual((yield* runtime.awaitReceipt("delayed")).status, "succeeded")
        assert.deepStrictEqual((yield* runtime.info).state, ["newer", "retried", "delayed"])
      }).pipe(Effect.provide(life))
    }).pipe(Effect.scoped)
)

it.effect("P10 P5 what is due is told to a store in whole milliseconds, however it was asked for", () => {
  class No extends Schema.TaggedError<No>()("No", {}) {}
  const kinds = ["7.3 millis", "Infinity"] as const
  const [Soon, Never] = kinds.map((delay) =>
    ActivityType.make(delay, { error: No, retry: Schedule.spaced(delay).pipe(Schedule.upTo({ times: 1 })) })
  ) as unknown as [ActivityType.Any, ActivityType.Any]
  const Failing = Agent.make("Failing", { state: Schema.Int, initialState: 0, activities: [Soon, Never] })
  const fail = () => Effect.fail(new No())
  const due: Array<unknown> = []
  const store = storeWith(({ write }) => ({
    write: (writes) => {
      for (const { change } of writes) {
        for (const one of [...(change.accept ?? []), ...(change.update ?? [])]) due.push(one.due)
      }
      return write(writes)
    }
  }))
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Failing)
    yield* runtime.send({ type: "7.3 millis" }, { deliverAt: 0.5 })
    yield* TestClock.adjust("1 millis")
    yield* runtime.send({ type: "Infinity" })
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(
      due.filter((at) => at !== undefined),
      [1, 8, Number.MAX_SAFE_INTEGER]
    )
    assert.strictEqual((yield* runtime.info).metrics.delayed, 1)
  }).pipe(
    Effect.provide(
      Workflow.layer(Failing, { "7.3 millis": fail, Infinity: fail } as never).pipe(
        Layer.provideMerge(managerOn(store))
      )
    )
  )
})

for (const how of ["timeout", "cancel"] as const) {
  it.effect(`P6 P11 D6 a ${how} counts also where what was to supersede the activity is refused meanwhile`, () => {
    const Rest = ActivityType.make("Rest")
    const Over = ActivityType.make("Over", { overlap: { interrupt: "supersede" } })
    const Resting = Agent.make("Resting", { state: Schema.Int, initialState: 0, activities: [Rest, Over] })
    const store = new FaultyStore()
    return Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Resting)
      yield* runtime.send(Rest.make(), { id: "rest" })
      yield* TestClock.adjust("1 second")
      yield* store.gate.close
      const refused = yield* Effect.forkChild(Effect.flip(runtime.send(Over.make())), { startImmediately: true })
      if (how === "cancel") yield* Effect.forkChild(runtime.cancel("rest"), { startImmediately: true })
      else yield* TestClock.adjust("30 seconds")
      store.isAway = true
      yield* store.gate.open
      assert.strictEqual((yield* Fiber.join(refused))._tag, "StoreUnavailable")
      store.isAway = false
      const ended = yield* Effect.forkChild(runtime.awaitReceipt("rest"), { startImmediately: true })
      for (let step = 0; step < 10; step++) yield* TestClock.adjust("1 second")
      assert.isDefined(ended.pollUnsafe(), "it has ended")
      const { error } = yield* Fiber.join(ended)
      assert.strictEqual(error?._tag, how === "cancel" ? "ActivityCancelled" : "ActivityTimedOut")
    }).pipe(
      Effect.provide(
        Workflow.layer(Resting, { Rest: () => Effect.never, Over: (_, n) => Effect.succeed(n) }).pipe(
          Layer.provideMerge(
            // The manager closes at once, also where the activity goes on.
            onStore(store.layer, { grace: Duration.zero })
          )
        )
      )
    )
  })
}

it.effect("P11 what is cancelled while it is being accepted is cancelled once it is", () => {
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* runtime.pause
    yield* store.gate.close
    const sending = yield* Effect.forkChild(runtime.send(Add.make({ n: 1 }), { id: "one" }), { startImmediately: true })
    const cancelling = yield* Effect.forkChild(Effect.exit(runtime.cancel("one")), { startImmediately: true })
    yield* store.gate.open
    yield* Fiber.join(sending)
    const cancelled = yield* Fiber.join(cancelling)
    assert.strictEqual(Exit.isSuccess(cancelled) && cancelled.value.status, "cancelled")
    yield* runtime.resume
    yield* runtime.ask(Add.make({ n: 2 }))
    assert.strictEqual((yield* runtime.info).state, 2)
  }).pipe(Effect.provide(onStore(store.layer)))
})

it.effect("P11 what is cancelled while it is being accepted is not there where that is refused", () => {
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* store.gate.close
    const sending = yield* Effect.forkChild(Effect.flip(runtime.send(Add.make({ n: 1 }), { id: "one" })), {
      startImmediately: true
    })
    const cancelling = yield* Effect.forkChild(Effect.flip(runtime.cancel("one")), { startImmediately: true })
    store.isAway = true
    yield* store.gate.open
    assert.strictEqual((yield* Fiber.join(sending))._tag, "StoreUnavailable")
    assert.strictEqual((yield* Fiber.join(cancelling))._tag, "StoreUnavailable")
    assert.strictEqual((yield* Effect.flip(runtime.cancel("one")))._tag, "ActivityNotFound")
    store.isAway = false
  }).pipe(Effect.provide(onStore(store.layer)))
})

it.effect("P1 D1 a payload that its schema lets pass and no store can keep is refused", () => {
  const Any = ActivityType.make("Any", { payload: { n: Schema.Unknown } })
  const Loose = Agent.make("Loose", { state: Schema.Int, initialState: 0, activities: [Any] })
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Loose)
    assert.strictEqual((yield* Effect.flip(runtime.send(Any.make({ n: 1n }))))._tag, "ActivityInvalid")
    yield* runtime.ask(Any.make({ n: 1 }))
  }).pipe(
    Effect.provide(
      Workflow.layer(Loose, { Any: (_, n) => Effect.succeed(n) }).pipe(
        Layer.provideMerge(onStore(RuntimeStore.layerMemory))
      )
    )
  )
})

const outages = [
  ["P6 an activity that was about to start has all of its time", {}, "succeeded"],
  ["P10 an activity that was about to start may have expired", { expiresAt: 30_000 }, "expired"]
] as const

for (const [what, options, status] of outages) {
  it.effect(`D6 after an outage ${what}`, () => {
    const Rest = ActivityType.make("Rest")
    const Resting = Agent.make("Resting", { state: Schema.Int, initialState: 0, activities: [Rest] })
    const store = new FaultyStore()
    return Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Resting)
      yield* runtime.pause
      yield* runtime.send(Rest.make(), { ...options, id: "rest" })
      yield* runtime.resume
      store.isAway = true
      yield* TestClock.adjust("1 minute")
      store.isAway = false
      yield* TestClock.adjust("1 minute")
      const { attempts, status: ended } = yield* runtime.awaitReceipt("rest")
      assert.deepStrictEqual([ended, attempts], [status, status === "expired" ? 0 : 1])
    }).pipe(
      Effect.provide(
        Workflow.layer(Resting, { Rest: (_, n) => Effect.as(Effect.sleep("10 seconds"), n) }).pipe(
          Layer.provideMerge(onStore(store.layer))
        )
      )
    )
  })
}
