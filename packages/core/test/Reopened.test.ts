import { LocalRuntimes, RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentError, AgentRuntimeId } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Latch, Layer, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { managerOn } from "./support/FaultyStore.ts"
import { makeStore, type Store } from "./support/Store.ts"

class No extends Schema.TaggedError<No>()("No", {}) {}
const retry = Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 2 }))
const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Die = ActivityType.make("Die")
const Fail = ActivityType.make("Fail", { error: No, retry })
const Rest = ActivityType.make("Rest")
const Urge = ActivityType.make("Urge", { overlap: { interrupt: "requeue" } })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Die, Fail, Rest, Urge] })
const handlers: Workflow.Handlers<typeof Sum, never> = {
  Add: ({ payload }, total) => Effect.succeed(total + payload.n),
  Die: () => Effect.die("died"),
  Fail: () => Effect.andThen(Effect.sleep("1 second"), new No()),
  Rest: (_, total) => Effect.as(Effect.sleep("20 seconds"), total),
  Urge: (_, total) => Effect.succeed(total)
}
const SumLayer = Workflow.layer(Sum, handlers)

const on = (store: Store, config: Partial<RuntimeConfig.RuntimeConfigShape> = {}, workflows = SumLayer) =>
  workflows.pipe(Layer.provideMerge(managerOn(Layer.succeed(RuntimeStore.RuntimeStore, store), config)))

/** A life of a manager, and how to end it. */
const begin = Effect.fnUntraced(function* (layer: ReturnType<typeof on>) {
  const scope = yield* Scope.make()
  const manager = Context.get(yield* Layer.buildWithScope(layer, scope), RuntimeManager.RuntimeManager)
  const end = Effect.gen(function* () {
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* pass(12)
    yield* Fiber.join(closing)
  })
  return { sum: yield* manager.getOrCreate(Sum, { id: "sum" }), end }
})

const pass = (seconds: number) =>
  Effect.replicateEffect(TestClock.adjust("1 second"), seconds, { concurrency: 1, discard: true })

it.effect("P5 a dead letter that made room for another is gone from the store too", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const layer = on(store, { deadLetterCapacity: 2 })
    const first = yield* begin(layer)
    for (const id of ["a", "b", "c", "d"]) {
      yield* first.sum.send(Die.make(), { id })
      yield* first.sum.awaitReceipt(id)
    }
    yield* first.sum.discard("c")
    yield* first.end
    const { sum } = yield* begin(layer)
    assert.deepStrictEqual(
      (yield* sum.deadLetters).map(({ activityId }) => activityId as string),
      ["d"]
    )
    assert.strictEqual((yield* store.open(sum.id))?.deadLetters.length, 1)
  })
)

it.effect(
  "P5 R2 a dead letter of a runtime that has ended is not said to be discarded: it goes when that is purged",
  () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const sum = yield* manager.create(Sum, { id: "sum" })
        yield* sum.send(Die.make(), { id: "die" })
        yield* sum.awaitReceipt("die")
        yield* sum.terminate()
        for (const handle of [yield* manager.get(Sum, "sum"), sum]) {
          const refused = yield* Effect.flip(handle.discard("die"))
          assert.strictEqual(refused._tag, "AgentRuntimeTerminated")
          assert.include(refused.message, "purge")
          assert.strictEqual((yield* handle.deadLetters).length, 1)
        }
        yield* manager.purge("sum")
        assert.isUndefined(yield* store.open(sum.id))
      }).pipe(Effect.provide(on(store)), Effect.scoped)
    })
)

it.effect("P9 P5 the id of a dead letter is taken for as long as it is kept, however old its receipt", () =>
  Effect.gen(function* () {
    const layer = on(yield* makeStore, { receiptRetention: 1 })
    const first = yield* begin(layer)
    yield* first.sum.send(Die.make(), { id: "die" })
    yield* first.sum.send(Add.make({ n: 1 }))
    yield* pass(1)
    const { end, sum } = first
    const expectTaken = (sum: typeof first.sum) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* sum.send(Die.make(), { id: "die" })).status, "failed")
        assert.strictEqual((yield* sum.receipt("die")).error?._tag, "WorkflowDefect")
        assert.instanceOf(yield* Effect.flip(sum.ask(Die.make(), { id: "die" })), AgentError.WorkflowDefect)
        assert.strictEqual((yield* Effect.flip(sum.send(Add.make({ n: 1 }), { id: "die" })))._tag, "ActivityConflict")
        assert.strictEqual((yield* sum.deadLetters).length, 1)
      })
    yield* expectTaken(sum)
    yield* end
    const second = yield* begin(layer)
    yield* expectTaken(second.sum)
    yield* second.sum.discard("die")
    yield* second.sum.ask(Add.make({ n: 1 }), { id: "die" })
    assert.strictEqual((yield* second.sum.info).state, 2)
  })
)

it.effect("R6 an activity that a shutdown interrupts has not crashed: it runs first, however often that happens", () =>
  Effect.gen(function* () {
    const layer = on(yield* makeStore)
    for (let life = 1; life <= 5; life++) {
      const { end, sum } = yield* begin(layer)
      if (life === 1) {
        yield* sum.send(Rest.make(), { id: "rest" })
        yield* sum.send(Add.make({ n: 1 }), { id: "next" })
      }
      yield* pass(2)
      const { attempts, status } = yield* sum.receipt("rest")
      assert.deepStrictEqual([attempts, status], [life, "running"])
      yield* end
    }
  })
)

for (const when of ["as it runs", "as it is about to start"]) {
  it.effect(`D9 what interrupts an activity ${when} goes before it also after a crash`, () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const stubborn = Workflow.layer(Sum, { ...handlers, Rest: () => Effect.uninterruptible(Effect.never) })
      const first = yield* begin(on(store, {}, stubborn))
      yield* first.sum.send(Rest.make(), { id: "rest" })
      if (when === "as it runs") yield* pass(1)
      yield* first.sum.send(Urge.make(), { id: "urge" })
      // The first life ends here, as if its process had died.
      const { sum } = yield* begin(on(store))
      const reading = yield* Effect.forkChild(Stream.runCollect(Stream.take(sum.subscribe({ from: "earliest" }), 2)))
      yield* pass(30)
      assert.deepStrictEqual(
        (yield* Fiber.join(reading)).map((event) => "activityId" in event && (event.activityId as string)),
        ["urge", "rest"]
      )
    })
  )
}

for (const when of ["fails", "is put back"]) {
  it.effect(`R6 an activity that ${when} while its process ends is retried by the next; what is delayed stays`, () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const gate = Latch.makeUnsafe(true)
      const layer = on({ ...store, write: (writes) => Effect.andThen(gate.await, store.write(writes)) })
      const first = yield* begin(layer)
      yield* first.sum.send(Add.make({ n: 1 }), { id: "later", deliverAt: 3_600_000 })
      yield* first.sum.send(Fail.make(), { id: "fail" })
      yield* TestClock.adjust("500 millis")
      if (when === "is put back") {
        yield* gate.close
        yield* TestClock.adjust("1 second")
      }
      const ending = yield* Effect.forkChild(first.end, { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(ending)
      const { sum } = yield* begin(layer)
      const [later, fail] = [yield* sum.receipt("later"), yield* sum.receipt("fail")]
      assert.deepStrictEqual([later.status, fail.status, fail.attempts], ["accepted", "accepted", 1])
    })
  )
}

it.effect("P5 D2 retries are counted over the lives of the process", () =>
  Effect.gen(function* () {
    const layer = on(yield* makeStore)
    const lives: Array<unknown> = []
    for (let life = 1; life <= 3; life++) {
      const { end, sum } = yield* begin(layer)
      if (life === 1) yield* sum.send(Fail.make(), { id: "fail" })
      yield* pass(40)
      const { attempts, status } = yield* sum.receipt("fail")
      lives.push([attempts, status])
      yield* end
      yield* pass(20)
    }
    assert.deepStrictEqual(lives, [
      [1, "accepted"],
      [2, "accepted"],
      [3, "failed"]
    ])
  })
)

for (const how of ["an urgent activity", "the ends of two processes"]) {
  it.effect(`P5 D2 an attempt that is interrupted by ${how} is no retry, whatever process counts`, () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const isUrgent = how === "an urgent activity"
      const layer = on(store, isUrgent ? {} : { grace: Duration.millis(100) })
      const interrupted = isUrgent ? 1 : 2
      for (let life = 1; life <= interrupted; life++) {
        const { end, sum } = yield* begin(layer)
        if (life === 1) yield* sum.send(Fail.make(), { id: "fail" })
        yield* TestClock.adjust("500 millis")
        if (isUrgent) {
          yield* sum.send(Urge.make())
          yield* pass(2)
        }
        yield* end
      }
      const { sum } = yield* begin(layer)
      yield* pass(200)
      const { attempts, status } = yield* sum.receipt("fail")
      assert.deepStrictEqual([status, attempts], ["failed", interrupted + 3])
    })
  )
}

it.effect("D2 what became due, and what went back to its lane, comes back in its order", () =>
  Effect.gen(function* () {
    const layer = on(yield* makeStore)
    const first = yield* begin(layer)
    yield* first.sum.send(Rest.make(), { id: "requeued" })
    yield* first.sum.send(Add.make({ n: 1 }), { id: "due", deliverAt: 4_000 })
    yield* pass(1)
    yield* first.sum.send(Add.make({ n: 1 }), { id: "early" })
    yield* first.sum.pause
    yield* pass(1)
    yield* first.sum.send(Urge.make(), { id: "urge" })
    yield* pass(4)
    yield* first.sum.send(Add.make({ n: 1 }), { id: "late" })
    yield* first.end
    const { sum } = yield* begin(layer)
    const seen = yield* sum.subscription()
    yield* sum.resume
    const reading = yield* Effect.forkChild(Stream.runCollect(Stream.take(seen, 5)), { startImmediately: true })
    yield* pass(30)
    assert.deepStrictEqual(
      (yield* Fiber.join(reading)).map((event) => "activityId" in event && (event.activityId as string)),
      ["urge", "early", "requeued", "due", "late"]
    )
  })
)

it.effect("B5 P9 what has ended is told also where its agent no longer knows it", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const first = yield* begin(on(store))
    yield* first.sum.send(Add.make({ n: 1 }), { id: "add" })
    yield* first.sum.awaitReceipt("add")
    yield* first.end
    const Smaller = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Rest] })
    const layer = Workflow.layer(Smaller, { Rest: (_, total) => Effect.succeed(total) })
    const { sum } = yield* begin(on(store, {}, layer))
    const events = yield* Stream.runCollect(Stream.take(sum.subscribe({ from: "earliest" }), 1))
    assert.deepInclude(events[0], { _tag: "Processed", type: "Add", payload: { n: 1 } })
    yield* sum.ask(Rest.make(), { id: "rest" })
    assert.strictEqual((yield* sum.receipt("add")).status, "succeeded")
  })
)

it.effect("P9 D6 a replay that the store refuses changes nothing, and nobody is told that it is accepted", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    let down = false
    const away = Exit.fail(new AgentError.StoreUnavailable({ message: "away" }))
    const layer = on({
      ...store,
      write: (writes) => (down ? Effect.succeed(writes.map(() => away)) : store.write(writes))
    })
    const { sum } = yield* begin(layer)
    yield* sum.send(Die.make(), { id: "die" })
    yield* sum.awaitReceipt("die")
    down = true
    const replayed = yield* Effect.forkChild(Effect.flip(sum.replay("die")), { startImmediately: true })
    assert.strictEqual((yield* Effect.flip(sum.send(Die.make(), { id: "die" })))._tag, "StoreUnavailable")
    assert.strictEqual((yield* Fiber.join(replayed))._tag, "StoreUnavailable")
    down = false
    assert.strictEqual((yield* sum.receipt("die")).status, "failed")
    assert.strictEqual((yield* sum.deadLetters).length, 1)
    yield* sum.replay("die")
    assert.strictEqual((yield* sum.awaitReceipt("die")).sequence, 2)
  })
)

it.effect("B8 who watches is told that a delayed activity waits in its lane now", () =>
  Effect.gen(function* () {
    const { sum } = yield* begin(on(yield* makeStore))
    yield* sum.pause
    yield* sum.send(Add.make({ n: 1 }), { deliverAt: 1000 })
    const sizes: Array<number> = []
    const watch = Stream.runForEach(sum.changes, ({ mailbox }) =>
      Effect.sync(() => sizes.push(mailbox.lanes.standard.size))
    )
    yield* Effect.forkChild(watch, { startImmediately: true })
    yield* pass(2)
    assert.deepStrictEqual(sizes, [0, 1])
  })
)

it.effect("R3 D3 a handle goes on with a runtime that another process has had meanwhile", () =>
  Effect.gen(function* () {
    const layer = on(yield* makeStore)
    const here = yield* begin(layer)
    const changes = yield* Effect.forkChild(Stream.runDrain(here.sum.changes), { startImmediately: true })
    const there = yield* begin(layer)
    yield* there.sum.ask(Add.make({ n: 1 }))
    assert.strictEqual((yield* Effect.flip(here.sum.send(Add.make({ n: 2 }))))._tag, "StoreUnavailable")
    yield* Fiber.join(changes)
    yield* here.sum.ask(Add.make({ n: 4 }))
    assert.strictEqual((yield* here.sum.info).state, 5)
  })
)

it.effect("D8 the log of lives that are short is compacted as that of a long one", () =>
  Effect.gen(function* () {
    const built = yield* makeStore
    const compacted: Array<number> = []
    let ended = 0
    const store: Store = {
      ...built,
      compact: (handle, keep) =>
        Effect.andThen(
          Effect.sync(() => compacted.push(ended)),
          built.compact(handle, keep)
        )
    }
    for (let life = 0; life < 5; life++) {
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.getOrCreate(Sum, { id: "sum" })
        for (let i = 0; i < 50; i++) {
          ended++
          yield* runtime.ask(Add.make({ n: 1 }))
        }
      }).pipe(Effect.provide(on(store, { logRetention: 100, receiptRetention: 100 })), Effect.scoped)
    }
    assert.deepStrictEqual(compacted, [100, 200])
  })
)

it.effect("D5 an agent comes back though one of its runtimes has a message that cannot be read", () =>
  Effect.gen(function* () {
    const built = yield* makeStore
    const opened: Array<string> = []
    const store: Store = {
      ...built,
      recoverable: () => Effect.succeed([AgentRuntimeId.AgentRuntimeId.make("sum")]),
      open: (id) =>
        Effect.map(built.open(id), (found) => {
          opened.push(id)
          return found && { ...found, outbox: [{ position: 1_000_000, value: "damaged" }] }
        })
    }
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* manager.create(Sum, { id: "sum" })
    }).pipe(Effect.provide(on(built)), Effect.scoped)
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      assert.deepStrictEqual(opened, ["sum"])
      assert.strictEqual((yield* Effect.flip(manager.get(Sum, "sum")))._tag, "StateUnreadable")
      yield* (yield* manager.create(Sum)).ask(Add.make({ n: 1 }))
    }).pipe(Effect.provide(on(store)), Effect.scoped)
  })
)

it.effect("R4 a runtime whose record cannot be read is listed with the others", () =>
  Effect.gen(function* () {
    const built = yield* makeStore
    const store: Store = {
      ...built,
      list: (options) =>
        Effect.map(built.list(options), (all) => all.map((one) => (one.id === "b" ? { ...one, info: "damaged" } : one)))
    }
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      for (const id of ["a", "b", "c"]) yield* manager.create(Sum, { id })
    }).pipe(Effect.provide(on(built)), Effect.scoped)
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const { items } = yield* manager.list()
      assert.deepStrictEqual(
        items.map(({ id }) => id),
        ["a", "b", "c"]
      )
    }).pipe(Effect.provide(on(store)), Effect.scoped)
  })
)

it.effect("D3 a process that does not run an agent leaves its runtimes to the one that does", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    yield* Effect.gen(function* () {
      const here = yield* RuntimeManager.RuntimeManager
      const runtime = yield* here.create(Sum, { id: "sum" })
      yield* runtime.send(Rest.make(), { id: "rest" })
      yield* Effect.gen(function* () {
        const elsewhere = yield* RuntimeManager.RuntimeManager
        const local = yield* LocalRuntimes.LocalRuntimes
        assert.strictEqual((yield* Effect.flip(elsewhere.get("sum")))._tag, "AgentRuntimeNotFound")
        const taken = yield* Effect.flip(
          local.create({ id: "sum", state: 0, workflow: (_, n: number) => Effect.succeed(n) })
        )
        assert.strictEqual(taken._tag, "AgentRuntimeAlreadyExists")
      }).pipe(Effect.provide(Layer.fresh(managerOn(Layer.succeed(RuntimeStore.RuntimeStore, store)))), Effect.scoped)
      yield* TestClock.adjust("20 seconds")
      const { attempts, status } = yield* runtime.receipt("rest")
      assert.deepStrictEqual([status, attempts], ["succeeded", 1])
    }).pipe(Effect.provide(on(store)))
  })
)
