// How runtimes come in from the store, and what becomes of who comes while that is under way.
import { RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { Agent, AgentRuntimeId } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import {
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Option,
  Scheduler,
  Schema,
  Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import { Add, Nap, Sleep, Sum, SumLayer, lives, livesIn, napping } from "./support/DurableSum.ts"
import { FaultyStore, managerOn, storeWith } from "./support/FaultyStore.ts"
import { makeStore, type Store } from "./support/Store.ts"

const sum = AgentRuntimeId.AgentRuntimeId.make("sum")

/** Puts what is no state in the place of its state. */
const damage = Effect.fnUntraced(function* (store: Store) {
  const { handle } = (yield* store.open(sum))!
  yield* store.write([{ handle, change: { state: { state: "damaged", version: 1, sequence: 0, keep: false } } }])
})

/** Registers the workflow for as long as the scope that it answers is open. */
const registered = Effect.flatMap(Scope.make(), (scope) => Effect.as(Layer.buildWithScope(SumLayer, scope), scope))

for (const damaged of ["outbox", "deadLetters"] as const) {
  it.effect(`D5 nothing of a runtime runs of which the ${damaged} cannot be read`, () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const first = livesIn(store)
      yield* first((manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.create(Sum, { id: "sum" })
          yield* runtime.pause
          for (const id of ["a", "b"]) yield* runtime.send(Add.make({ n: 1 }), { id })
        })
      )
      const opened = (yield* store.open(sum))!
      // It was paused and has two activities, or what is said below says nothing.
      assert.strictEqual(opened.pending.length, 2)
      const second = livesIn({
        ...store,
        open: (id, canRun) =>
          Effect.map(store.open(id, canRun), (opened) =>
            opened === undefined
              ? undefined
              : {
                  ...opened,
                  info: { paused: false, failing: false },
                  [damaged]: [{ position: 99, value: "damaged" }]
                }
          )
      })
      yield* second((manager) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(manager.get(Sum, "sum")))._tag, "StateUnreadable")
          yield* TestClock.adjust("1 minute")
        })
      )
      const after = (yield* store.open(sum))!
      assert.deepStrictEqual([after.state, after.sequence, after.pending.length], [0, 0, 2])
    })
  )
}

it.live("R1 R7 whoever is interrupted while a runtime is opened, or created, keeps nobody else from it", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const life = livesIn(store)
    yield* life((manager) => manager.create(Sum, { id: "sum" }))
    for (let n = 3; n <= 48; n++) {
      yield* life((manager) =>
        Effect.gen(function* () {
          const asks: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
            manager.get(Sum, "sum"),
            manager.create(Sum, { id: `new-${n}` })
          ]
          for (const ask of asks) {
            const asking = yield* Effect.exit(ask).pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
              Effect.forkChild({ startImmediately: true })
            )
            yield* Fiber.interrupt(asking)
            const again = yield* Effect.timeoutOption(Effect.exit(ask), "1 second")
            assert.isTrue(Option.isSome(again), `waits for who was interrupted: yields after ${n} operations`)
          }
        })
      )
    }
  })
)

it.effect("R6 P3 who asks is told where what it asked is written after its runtime was let go of", () => {
  const faulty = new FaultyStore()
  return Effect.gen(function* () {
    const scope = yield* registered
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum, { id: "sum" })
    yield* faulty.gate.close
    const asks: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
      runtime.ask(Add.make({ n: 1 }), { id: "a" }),
      Effect.andThen(runtime.send(Add.make({ n: 1 }), { id: "b" }), runtime.awaitReceipt("b"))
    ]
    const waiting = yield* Effect.forEach(asks, (effect) =>
      Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    )
    yield* TestClock.adjust("1 second")
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
    yield* faulty.gate.open
    yield* TestClock.adjust("1 second")
    for (const fiber of waiting) {
      assert.isDefined(fiber.pollUnsafe(), "it waits for ever")
      const exit = yield* Fiber.join(fiber)
      assert.isTrue(Exit.isFailure(exit))
    }
  }).pipe(Effect.provide(managerOn(faulty.layer)))
})

for (const how of ["created", "opened"] as const) {
  it.effect(`R6 a runtime that is being ${how} as its workflow goes is not run without it`, () => {
    const asked = Latch.makeUnsafe()
    const answers = Latch.makeUnsafe(true)
    const late = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.tap(effect, () => Effect.andThen(asked.open, answers.await))
    return Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      let scope = yield* registered
      if (how === "opened") {
        yield* manager.create(Sum, { id: "sum" })
        yield* Scope.close(scope, Exit.void)
        scope = yield* registered
      }
      yield* asked.close
      yield* answers.close
      const coming = yield* (
        how === "created" ? Effect.orDie(manager.create(Sum, { id: "sum" })) : Effect.orDie(manager.get(Sum, "sum"))
      ).pipe(Effect.exit, Effect.forkChild({ startImmediately: true }))
      yield* asked.await
      yield* Scope.close(scope, Exit.void)
      yield* answers.open
      const exit = yield* Fiber.join(coming)
      if (Exit.isSuccess(exit)) {
        assert.strictEqual((yield* Effect.flip(exit.value.ask(Add.make({ n: 1 }))))._tag, "StoreUnavailable")
      }
      yield* registered
      const again = yield* manager.get(Sum, "sum")
      yield* again.ask(Add.make({ n: 1 }))
      assert.strictEqual((yield* again.info).state, 1)
    }).pipe(
      Effect.provide(
        managerOn(
          storeWith((store) => ({
            create: (options) => late(store.create(options)),
            open: (id, canRun) => late(store.open(id, canRun))
          }))
        )
      )
    )
  })
}

it.live("R6 a workflow that goes is given nothing again, while others go on sending to its runtimes", () => {
  let taken = 0
  const store = storeWith(({ open }) => ({
    open: (id, canRun = () => true) =>
      open(id, (agent) => {
        const isTaken = canRun(agent)
        if (isTaken) taken++
        return isTaken
      })
  }))
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const scope = yield* registered
    const runtimes = yield* Effect.forEach(["a", "b", "c"], (id) => manager.create(Sum, { id }))
    // One keeps the workflow for as long as the grace.
    yield* (yield* manager.create(Sum)).send(Nap.make())
    yield* napping.await
    const sending = yield* Effect.forkChild(
      Effect.forEach(
        runtimes,
        (runtime) => Effect.forever(Effect.andThen(Effect.exit(runtime.send(Add.make({ n: 1 }))), Effect.yieldNow)),
        { concurrency: "unbounded" }
      ),
      { startImmediately: true }
    )
    assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Scope.close(scope, Exit.void), "5 seconds")))
    assert.strictEqual(taken, 0)
    yield* Fiber.interrupt(sending)
  }).pipe(Effect.provide(managerOn(store, { grace: Duration.millis(100) })))
})

it.live("R1 all who want a runtime whose id has ended get the same", () =>
  Effect.gen(function* () {
    const life = yield* lives
    for (let n = 3; n <= 48; n++) {
      yield* life((manager) =>
        Effect.gen(function* () {
          yield* Effect.andThen(manager.getOrCreate(Sum, { id: "sum" }), manager.terminate("sum"))
          const got = yield* Effect.forEach(
            [0, 1, 2],
            (more) =>
              Effect.provideService(manager.getOrCreate(Sum, { id: "sum" }), Scheduler.MaxOpsBeforeYield, n + more),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(new Set(got.map(({ epoch }) => epoch)).size, 1)
          yield* manager.terminate("sum")
        })
      )
    }
  })
)

it.effect(
  "R2 D5 one that cannot be read and was given up has ended: its id is free, and to end it again is no fault",
  () =>
    Effect.gen(function* () {
      const store = yield* makeStore
      const life = livesIn(store)
      yield* life((manager) => manager.create(Sum, { id: "sum" }))
      yield* damage(store)
      yield* life((manager) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(manager.terminate("sum")))._tag, "StateUnreadable")
          yield* manager.terminate("sum", { mode: "immediate" })
          yield* manager.terminate("sum")
          const said = yield* Effect.flip(manager.get(Sum, "sum"))
          assert.strictEqual(said._tag, "StateUnreadable")
          assert.notInclude(said.message, "immediate")
          const next = yield* manager.getOrCreate(Sum, { id: "sum" })
          assert.strictEqual((yield* next.info).state, 0)
        })
      )
    })
)

it.effect("R2 B1 subscribers of a runtime that sleeps, cannot be read and is given up are told of its end", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const life = livesIn(store)
    yield* life(
      (manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.create(Sum, { id: "sum" })
          const events = yield* runtime.subscription()
          const seen = yield* Effect.forkChild(Stream.runCollect(events), { startImmediately: true })
          for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 second")
          yield* damage(store)
          yield* manager.terminate("sum", { mode: "immediate" })
          yield* TestClock.adjust("1 second")
          assert.isDefined(seen.pollUnsafe(), "it waits for events of a runtime that has ended")
          assert.deepStrictEqual(
            (yield* Fiber.join(seen)).map(({ _tag }) => _tag),
            ["End"]
          )
        }),
      { maxIdleTime: Duration.seconds(30) }
    )
  })
)

it.effect("R8 P10 a runtime that waits for days is seldom looked at", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const life = livesIn(store)
    yield* life(
      (manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.create(Sum, { id: "sum" })
          const deliverAt = (yield* Clock.currentTimeMillis) + Duration.toMillis("40 days")
          yield* runtime.send(Add.make({ n: 1 }), { id: "later", deliverAt })
          let looks = 0
          const clock = yield* Clock.Clock
          const now = clock.currentTimeMillisUnsafe.bind(clock)
          clock.currentTimeMillisUnsafe = () => {
            looks++
            return now()
          }
          yield* TestClock.adjust("40 days")
          assert.strictEqual((yield* runtime.receipt("later")).status, "succeeded")
          assert.isBelow(looks, 100_000)
        }),
      { maxIdleTime: Duration.minutes(10) }
    )
  })
)

it.effect("R6 D7 an activity that a shutdown has to abandon has not crashed, however often that happens", () =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const Stuck = Agent.make("Stuck", { state: Schema.Int, initialState: 0, activities: [Sleep] })
    for (let life = 1; life <= 5; life++) {
      const began = Latch.makeUnsafe()
      const StuckLayer = Workflow.layer(Stuck, {
        Sleep: () => Effect.andThen(began.open, Effect.uninterruptible(Effect.never))
      })
      const scope = yield* Scope.make()
      const layer = StuckLayer.pipe(
        Layer.provideMerge(managerOn(Layer.succeed(RuntimeStore.RuntimeStore, store))),
        Layer.fresh
      )
      const manager = Context.get(yield* Layer.buildWithScope(layer, scope), RuntimeManager.RuntimeManager)
      const runtime = yield* manager.getOrCreate(Stuck, { id: "stuck" })
      yield* runtime.send(Sleep.make(), { id: "sleep" })
      yield* began.await
      assert.strictEqual((yield* runtime.receipt("sleep")).attempts, life)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      for (let i = 0; i < 7; i++) yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
    }
  })
)
