import type { AgentRuntime } from "@agent-runtime/core"
import { AgentRuntimeId } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Add, Refuse, Relay, Sleep, Sum, lives, livesOn } from "./support/DurableSum.ts"
import type { Store } from "./support/Store.ts"

it.effect("D2 what is pending comes back in its order with the state, and what ran runs again", () =>
  Effect.gen(function* () {
    const life = yield* lives
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.create(Sum, { id: "sum" })
        yield* runtime.ask(Add.make({ n: 1 }))
        yield* runtime.send(Sleep.make(), { id: "long" })
        yield* runtime.send(Add.make({ n: 2 }), { id: "later" })
        yield* runtime.send(Add.make({ n: 4 }), { id: "delayed", deliverAt: 7_200_000 })
      })
    )
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.get(Sum, "sum")
        assert.strictEqual((yield* runtime.info).state, 1)
        assert.strictEqual((yield* runtime.info).metrics.delayed, 1)
        const end = yield* Effect.forkChild(runtime.awaitReceipt("delayed"), { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* runtime.awaitReceipt("later")).status, "succeeded")
        assert.strictEqual((yield* runtime.receipt("long")).attempts, 2)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* Fiber.join(end)).status, "succeeded")
        assert.strictEqual((yield* runtime.info).state, 7)
      })
    )
  })
)

it.effect("R8 an idle runtime leaves memory and comes back as it was; its subscribers notice nothing", () =>
  Effect.gen(function* () {
    const life = yield* lives
    yield* life(
      (manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.create(Sum, { id: "sum" })
          const events = yield* runtime.subscription()
          const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(events, 2)), { startImmediately: true })
          yield* runtime.ask(Add.make({ n: 1 }))
          yield* runtime.pause
          const { epoch } = yield* runtime.info
          yield* TestClock.adjust("1 minute")
          yield* TestClock.adjust("1 minute")
          const info = yield* runtime.info
          assert.deepStrictEqual([info.status, info.epoch, info.sequence, info.state], ["paused", epoch, 1, 1])
          // A runtime that was in memory all the time would have counted what it processed.
          assert.strictEqual(info.metrics.processed, 0)
          yield* runtime.send(Add.make({ n: 2 }))
          yield* runtime.resume
          const sequences = (yield* Fiber.join(seen)).map((event) => (event._tag === "Processed" ? event.sequence : 0))
          assert.deepStrictEqual(sequences, [1, 2])
        }),
      { maxIdleTime: Duration.seconds(30) }
    )
  })
)

it.effect("D1 what a workflow sends is delivered once its activity has committed, also by a later life", () =>
  Effect.gen(function* () {
    const life = yield* lives
    yield* life((manager) =>
      Effect.gen(function* () {
        const one = yield* manager.create(Sum, { id: "one" })
        const two = yield* manager.create(Sum, { id: "two" })
        const events = yield* two.subscription()
        const seen = yield* Effect.forkChild(Stream.runHead(events), { startImmediately: true })
        yield* one.ask(Relay.make({ to: "two", n: 5 }))
        yield* Fiber.join(seen)
        assert.strictEqual((yield* two.info).state, 5)
        yield* one.ask(Relay.make({ to: "nobody", n: 5 }), { id: "lost" })
        yield* Stream.runHead(Stream.filter(one.changes, (info) => info.metrics.deadLetters > 0))
      })
    )
    yield* life((manager) =>
      Effect.gen(function* () {
        const [letter] = yield* (yield* manager.get("one")).deadLetters
        assert.strictEqual(letter?.error._tag, "AgentRuntimeNotFound")
        assert.strictEqual(letter?.type, "Add")
      })
    )
  })
)

it.effect("P5, D2 a restart does not begin the schedule of retries anew", () =>
  Effect.gen(function* () {
    const life = yield* lives
    const holdsBack = ({ changes }: Pick<AgentRuntime.AgentRuntime, "changes">, retried: number) =>
      changes.pipe(
        Stream.filter(({ metrics }) => metrics.delayed === 1 && metrics.retried === retried),
        Stream.take(1),
        Stream.runDrain
      )
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.create(Sum, { id: "sum" })
        yield* runtime.send(Refuse.make(), { id: "refused" })
        yield* holdsBack(runtime, 1)
        yield* TestClock.adjust("1 minute")
        yield* holdsBack(runtime, 2)
        assert.strictEqual((yield* runtime.receipt("refused")).attempts, 2)
      })
    )
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.get(Sum, "sum")
        // Time for more retries than are left.
        for (let minute = 0; minute < 10; minute++) yield* TestClock.adjust("1 minute")
        const { attempts, status } = yield* runtime.receipt("refused")
        assert.deepStrictEqual({ attempts, status }, { attempts: 3, status: "failed" })
        assert.lengthOf(yield* runtime.deadLetters, 1)
      })
    )
  })
)

it.effect("R3 a terminated runtime is seen as such until it is purged, and its id can be created anew", () =>
  Effect.gen(function* () {
    const life = yield* lives
    yield* life((manager) =>
      Effect.gen(function* () {
        const first = yield* manager.create(Sum, { id: "sum" })
        yield* first.ask(Add.make({ n: 1 }))
        yield* manager.terminate("sum")
        const gone = yield* manager.get(Sum, "sum")
        assert.strictEqual((yield* gone.info).status, "terminated")
        assert.strictEqual((yield* Effect.flip(gone.send(Add.make({ n: 1 }))))._tag, "AgentRuntimeTerminated")
        const second = yield* manager.create(Sum, { id: "sum" })
        assert.isAbove(second.epoch, first.epoch)
        assert.strictEqual((yield* second.info).state, 0)
        yield* manager.terminate("sum")
        yield* manager.purge("sum")
        assert.strictEqual((yield* Effect.flip(manager.get("sum")))._tag, "AgentRuntimeNotFound")
      })
    )
  })
)

it.effect("D4 recovery reads nothing that has ended; who asks for it finds it", () =>
  Effect.gen(function* () {
    let reads = 0
    const life = yield* livesOn((store) => ({
      ...store,
      log: (id, options) =>
        Effect.andThen(
          Effect.sync(() => reads++),
          store.log(id, options)
        )
    }))
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.create(Sum, { id: "sum" })
        for (let n = 1; n <= 10; n++) yield* runtime.ask(Add.make({ n }), { id: `add-${n}` })
        yield* runtime.send(Sleep.make(), { id: "pending" })
      })
    )
    // A life of its own each, so that none finds what another has read.
    const asks = <A, E>(ask: (runtime: AgentRuntime.AgentRuntime<typeof Sum>) => Effect.Effect<A, E, Scope.Scope>) =>
      life((manager) =>
        Effect.gen(function* () {
          reads = 0
          const runtime = yield* manager.get(Sum, "sum")
          assert.strictEqual((yield* runtime.info).state, 55)
          assert.isUndefined((yield* runtime.receipt("pending")).sequence)
          yield* runtime.subscription()
          yield* runtime.subscription({ from: { after: 10 } })
          yield* runtime.send(Add.make({ n: 0 }))
          assert.strictEqual(reads, 0)
          const answer = yield* ask(runtime)
          assert.strictEqual(reads, 1)
          return answer
        })
      )
    const receipts = yield* asks((runtime) =>
      Effect.forEach(["add-1", "add-10"], (id) => runtime.receipt(id), { concurrency: "unbounded" })
    )
    assert.deepStrictEqual(
      receipts.map((receipt) => [receipt.sequence, receipt.status]),
      [
        [1, "succeeded"],
        [10, "succeeded"]
      ]
    )
    // P9
    const again = yield* asks((runtime) => runtime.send(Add.make({ n: 3 }), { id: "add-3" }))
    assert.deepStrictEqual([again.sequence, again.status], [3, "succeeded"])
    const conflict = yield* asks((runtime) => Effect.flip(runtime.send(Add.make({ n: 4 }), { id: "add-3" })))
    assert.strictEqual(conflict._tag, "ActivityConflict")
    // B5
    const replayed = yield* asks((runtime) =>
      Effect.flatMap(runtime.subscription({ from: { after: 7 } }), (events) =>
        Stream.runCollect(Stream.take(events, 3))
      )
    )
    assert.deepStrictEqual(
      replayed.map((event) => (event._tag === "Processed" ? event.sequence : 0)),
      [8, 9, 10]
    )
  })
)

it.effect("R8 a runtime whose log is being read stays in memory, however long that takes", () =>
  Effect.gen(function* () {
    let opened = 0
    const life = yield* livesOn((store) => ({
      ...store,
      open: (id) =>
        Effect.andThen(
          Effect.sync(() => opened++),
          store.open(id)
        ),
      log: (id, options) => Effect.delay(store.log(id, options), "1 minute")
    }))
    yield* life((manager) =>
      Effect.flatMap(manager.create(Sum, { id: "sum" }), (runtime) => runtime.ask(Add.make({ n: 1 }), { id: "add" }))
    )
    yield* life(
      (manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.get(Sum, "sum")
          const asking = yield* Effect.forkChild(runtime.receipt("add"), { startImmediately: true })
          for (let i = 0; i < 100; i++) yield* TestClock.adjust("1 second")
          assert.strictEqual(opened, 1)
          assert.strictEqual((yield* Fiber.join(asking)).sequence, 1)
          yield* runtime.info
          assert.strictEqual(opened, 2)
        }),
      { maxIdleTime: Duration.seconds(10) }
    )
  })
)

it.effect("D5 what cannot be decoded stops that runtime alone, with a clear error, and keeps the bytes", () =>
  Effect.gen(function* () {
    let inner: Store | undefined
    const life = yield* livesOn((store) => (inner = store))
    const store = inner!
    const create = (id: string, version: number, state: Schema.Json) =>
      store.create({
        id: AgentRuntimeId.AgentRuntimeId.make(id),
        agent: "Sum",
        epoch: 1,
        state,
        version,
        info: { paused: id === "damaged", failing: false }
      })
    const damaged = yield* create("damaged", 1, '{"n":')
    const newer = yield* create("newer", 2, 5)
    const sound = yield* create("sound", 1, 5)
    const all = store.list({ agent: "Sum", after: undefined, limit: 10 })
    const before = yield* all
    yield* life((manager) =>
      Effect.gen(function* () {
        for (const [id, why] of [
          ["damaged", /"damaged" cannot be read: .+ Nothing of it was changed/],
          ["newer", /"newer" cannot be read: .*version 2.+ Nothing of it was changed/]
        ] as const) {
          const error = yield* Effect.flip(manager.get(Sum, id))
          assert.strictEqual(error._tag, "StateUnreadable")
          assert.match(error.message, why)
        }
        assert.strictEqual((yield* (yield* manager.get(Sum, "sound")).info).state, 5)
        assert.deepStrictEqual(
          (yield* manager.list()).items.map(({ id, state, status }) => [id, status, state] as const),
          [
            [damaged.id, "error", '{"n":'],
            [newer.id, "error", 5],
            [sound.id, "idle", 5]
          ]
        )
        assert.deepStrictEqual((yield* manager.list({ status: "error" })).items.length, 2)
      })
    )
    assert.deepStrictEqual(yield* all, before)
    // Nothing takes what it cannot read for what is to be given up, unless it is told to.
    yield* life((manager) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(manager.terminate("damaged")))._tag, "StateUnreadable")
        assert.strictEqual((yield* Effect.flip(manager.purge("damaged")))._tag, "AgentRuntimeNotFound")
        yield* manager.terminate("damaged", { mode: "immediate" })
        yield* manager.terminate("newer", { mode: "immediate" })
        assert.strictEqual((yield* manager.list({ status: "terminated" })).items.length, 2)
        yield* manager.purge("damaged")
        const again = yield* manager.create(Sum, { id: "newer" })
        yield* again.ask(Add.make({ n: 1 }))
        assert.deepStrictEqual(
          (yield* manager.list()).items.map(({ id }) => id as string),
          ["newer", "sound"]
        )
      })
    )
  })
)
