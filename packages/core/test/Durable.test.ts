import {
  type AgentRuntime,
  LocalRuntimes,
  RuntimeConfig,
  RuntimeManager,
  RuntimeStore,
  Workflow
} from "@agent-runtime/core"
import { ActivityType, Agent, AgentError, AgentRuntimeId } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Cause, Context, Duration, Effect, Exit, Fiber, Latch, Layer, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Sleep = ActivityType.make("Sleep")
const Nap = ActivityType.make("Nap")
const Relay = ActivityType.make("Relay", { payload: { to: Schema.String, n: Schema.Int } })
const Refuse = ActivityType.make("Refuse", {
  error: Schema.Literal("refused"),
  retry: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 2 }))
})
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Sleep, Nap, Relay, Refuse] })

const napping = Latch.makeUnsafe()

const SumLayer = Workflow.layer(Sum, {
  Add: ({ payload }, total) => Effect.succeed(total + payload.n),
  Sleep: (_, total) => Effect.as(Effect.sleep("1 hour"), total),
  Refuse: () => Effect.fail("refused" as const),
  Nap: (_, total) => Effect.as(Effect.andThen(napping.open, Effect.sleep("5 seconds")), total),
  Relay: ({ payload }, total, context) =>
    Effect.as(Effect.orDie(context.send(payload.to, Add.make({ n: payload.n }))), total)
})

type Store = RuntimeStore.RuntimeStore["Service"]

/** Managers over one store, one after the other: what one leaves the next finds. */
const livesOn = (around: (store: Store) => Store) =>
  Effect.map(Effect.scoped(Layer.build(RuntimeStore.layerMemory)), (built) => {
    const store = around(Context.get(built, RuntimeStore.RuntimeStore))
    return <A, E>(
      run: (manager: RuntimeManager.RuntimeManager["Service"]) => Effect.Effect<A, E, Scope.Scope>,
      config: Partial<RuntimeConfig.RuntimeConfigShape> = {}
    ): Effect.Effect<A> =>
      Effect.flatMap(RuntimeManager.RuntimeManager, run).pipe(
        Effect.scoped,
        Effect.provide(
          SumLayer.pipe(
            Layer.provideMerge(RuntimeManager.layerDurable),
            Layer.provide(Layer.succeed(RuntimeStore.RuntimeStore, store)),
            Layer.provide(RuntimeConfig.layer({ grace: Duration.zero, ...config }))
          )
        ),
        Effect.orDie
      )
  })

const lives = livesOn((store) => store)

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

it.effect("R1 a local runtime takes no id of a durable one, asleep or being created, until that has terminated", () =>
  Effect.gen(function* () {
    const store = yield* Effect.scoped(Layer.build(RuntimeStore.layerMemory))
    const life = <A, E>(
      body: (
        manager: RuntimeManager.RuntimeManager["Service"],
        locals: LocalRuntimes.LocalRuntimes["Service"]
      ) => Effect.Effect<A, E>
    ) =>
      Effect.gen(function* () {
        return yield* body(yield* RuntimeManager.RuntimeManager, yield* LocalRuntimes.LocalRuntimes)
      }).pipe(
        Effect.provide(
          SumLayer.pipe(Layer.provideMerge(RuntimeManager.layerDurable), Layer.provide(Layer.succeedContext(store)))
        )
      )
    yield* life((manager) => manager.create(Sum, { id: "sum", state: 7 }))
    yield* life((manager, locals) =>
      Effect.gen(function* () {
        const local = (id: string) => locals.create({ id, state: 0, workflow: (_, n) => Effect.succeed(n) })
        assert.strictEqual((yield* Effect.flip(local("sum")))._tag, "AgentRuntimeAlreadyExists")
        assert.strictEqual((yield* (yield* manager.get(Sum, "sum")).info).state, 7)
        const both = [Effect.asVoid(manager.create(Sum, { id: "new" })), Effect.asVoid(local("new"))]
        const exits = yield* Effect.forEach(both, (create) => Effect.exit(create), { concurrency: "unbounded" })
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
        yield* manager.terminate("sum")
        assert.strictEqual((yield* local("sum")).id as string, "sum")
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

it.effect("R6 a runtime that is being created as its manager closes is left to the store", () =>
  Effect.gen(function* () {
    const asked = Latch.makeUnsafe()
    const answers = Latch.makeUnsafe()
    const life = yield* livesOn((store) => ({
      ...store,
      create: (options) => Effect.tap(store.create(options), () => Effect.andThen(asked.open, answers.await))
    }))
    const creating = yield* life((manager) =>
      Effect.tap(Effect.forkDetach(manager.create(Sum, { id: "late" })), () => asked.await)
    )
    yield* answers.open
    const late = yield* Fiber.join(creating)
    assert.strictEqual((yield* Effect.flip(late.send(Add.make({ n: 1 }))))._tag, "AgentRuntimeTerminated")
    yield* life((manager) => Effect.flatMap(manager.get(Sum, "late"), (runtime) => runtime.ask(Add.make({ n: 1 }))))
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

for (const mode of ["drain", "immediate"] as const) {
  for (const order of ["before", "after"] as const) {
    for (const store of ["there", "away"] as const) {
      it.effect(
        `R2 terminate (${mode}) ${order} the manager begins to close tells whether the end is written: store ${store}`,
        () =>
          Effect.gen(function* () {
            const memory = yield* Layer.build(RuntimeStore.layerMemory)
            const stored = Context.get(memory, RuntimeStore.RuntimeStore)
            let away = false
            const refused = Exit.fail(new AgentError.StoreUnavailable({ message: "away" }))
            const service: Store = {
              ...stored,
              write: (writes) => (away ? Effect.succeed(writes.map(() => refused)) : stored.write(writes))
            }
            const scope = yield* Scope.make()
            const layer = SumLayer.pipe(
              Layer.provideMerge(RuntimeManager.layerDurable),
              Layer.provide(Layer.succeed(RuntimeStore.RuntimeStore, service)),
              Layer.provide(RuntimeConfig.layer({ grace: Duration.seconds(1) }))
            )
            const manager = Context.get(yield* Layer.buildWithScope(layer, scope), RuntimeManager.RuntimeManager)
            const runtime = yield* manager.create(Sum)
            yield* runtime.send(Sleep.make())
            yield* runtime.send(Add.make({ n: 1 }))
            yield* TestClock.adjust("1 millis")
            away = store === "away"
            const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })
            const terminate = fork(Effect.exit(runtime.terminate({ mode })))
            const first = order === "before" ? yield* terminate : undefined
            const closing = yield* fork(Scope.close(scope, Exit.void))
            const ending = first ?? (yield* terminate)
            for (let i = 0; i < 10; i++) yield* TestClock.adjust("1 second")
            yield* Fiber.join(closing)
            const exit = yield* Fiber.join(ending)
            const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : { _tag: "written" }
            assert.deepInclude(error, { _tag: away ? "StoreUnavailable" : "written" })
            assert.strictEqual((yield* stored.open(runtime.id))?.terminated, !away)
          }).pipe(Effect.scoped)
      )
    }
  }
}

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
        info: { paused: false, failing: false }
      })
    yield* create("damaged", 1, '{"n":')
    yield* create("newer", 2, 5)
    yield* create("sound", 1, 5)
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
      })
    )
    assert.deepStrictEqual(yield* all, before)
  })
)

it.effect("D6 while the store is down nothing is acknowledged, and what runs ends when it is back", () =>
  Effect.gen(function* () {
    let down = false
    const life = yield* livesOn((store) => ({
      ...store,
      write: (writes) =>
        Effect.suspend(() => {
          const refused = Exit.fail(new AgentError.StoreUnavailable({ message: "no space is left" }))
          return down ? Effect.succeed(writes.map(() => refused)) : store.write(writes)
        })
    }))
    yield* life((manager) =>
      Effect.gen(function* () {
        const runtime = yield* manager.create(Sum, { id: "sum" })
        yield* runtime.send(Nap.make(), { id: "runs" })
        yield* napping.await
        const answer = yield* Effect.forkChild(runtime.awaitReceipt("runs"), { startImmediately: true })
        down = true
        yield* TestClock.adjust("10 seconds")
        const refused = yield* Effect.forkChild(Effect.flip(runtime.send(Add.make({ n: 1 }), { id: "refused" })), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(refused))._tag, "StoreUnavailable")
        assert.strictEqual((yield* Effect.flip(runtime.receipt("refused")))._tag, "ActivityNotFound")
        assert.isUndefined(answer.pollUnsafe())
        down = false
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(answer)).status, "succeeded")
        yield* runtime.ask(Add.make({ n: 2 }))
        assert.strictEqual((yield* runtime.info).state, 2)
      })
    )
  })
)

it.effect("R5 R7 a write at which the store breaks costs the runtimes of that write, and no other", () =>
  Effect.gen(function* () {
    let breaks = false
    const life = yield* livesOn((store) => ({
      ...store,
      write: (writes) => {
        if (breaks) throw new Error("the store broke")
        return store.write(writes)
      }
    }))
    yield* life((manager) =>
      Effect.gen(function* () {
        const lost = yield* manager.create(Sum, { id: "lost" })
        const other = yield* manager.create(Sum, { id: "other" })
        breaks = true
        assert.strictEqual((yield* Effect.flip(lost.send(Add.make({ n: 1 }))))._tag, "StoreUnavailable")
        breaks = false
        yield* other.ask(Add.make({ n: 2 }))
        const opened = yield* manager.get(Sum, "lost")
        yield* opened.ask(Add.make({ n: 3 }))
        assert.strictEqual((yield* opened.info).state, 3)
      })
    )
  })
)

it.effect("R1 maxRuntimes bounds them, also where many are created at a time", () =>
  Effect.gen(function* () {
    const life = yield* livesOn((store) => ({
      ...store,
      create: (options) => Effect.andThen(Effect.yieldNow, store.create(options))
    }))
    yield* life(
      (manager) =>
        Effect.gen(function* () {
          const creates = ["a", "b", "c"].map((id) => Effect.result(manager.create(Sum, { id })))
          const created = yield* Effect.all(creates, { concurrency: "unbounded" })
          assert.deepStrictEqual(
            created.map((one) => (one._tag === "Success" ? one.success.id : one.failure._tag)),
            ["a", "TooManyRuntimes", "TooManyRuntimes"]
          )
        }),
      { maxRuntimes: 1 }
    )
  })
)

it.effect("R2 a list tells once of a runtime that wakes while the store is read", () =>
  Effect.gen(function* () {
    const gate = Latch.makeUnsafe()
    const life = yield* livesOn((store) => ({
      ...store,
      list: (options) => Effect.andThen(gate.await, store.list(options))
    }))
    yield* life((manager) => manager.create(Sum, { id: "sleeper" }))
    yield* life((manager) =>
      Effect.gen(function* () {
        const listing = yield* Effect.forkChild(manager.list(), { startImmediately: true })
        yield* manager.get("sleeper")
        yield* gate.open
        const { items } = yield* Fiber.join(listing)
        assert.deepStrictEqual(
          items.map(({ id }) => id),
          ["sleeper"]
        )
      })
    )
  })
)
