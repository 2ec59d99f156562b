// What comes while a step of a runtime is being written.
import { RuntimeManager, Workflow } from "@agent-runtime/core"
import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
import { ActivityType, Agent, AgentError, type AgentEvent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { FaultyStore, managerOn, storeWith } from "./support/FaultyStore.ts"

const startImmediately = { startImmediately: true } as const

it.effect("D6 a write that dies lets go of the runtime: what ran runs again, and was not cancelled", () => {
  const Work = ActivityType.make("Work")
  const Worker = Agent.make("Worker", { state: Schema.Int, initialState: 0, activities: [Work] })
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Worker)
    yield* runtime.send(Work.make(), { id: "work" })
    yield* TestClock.adjust("1 second")
    store.isBroken = true
    assert.strictEqual((yield* Effect.flip(runtime.send(Work.make())))._tag, "StoreUnavailable")
    store.isBroken = false
    const { attempts, status } = yield* runtime.awaitReceipt("work")
    assert.deepStrictEqual([status, attempts], ["succeeded", 2])
  }).pipe(
    Effect.provide(
      Workflow.layer(Worker, {
        Work: ({ attempts }, done) => (attempts === 1 ? Effect.never : Effect.succeed(done + 1))
      }).pipe(Layer.provideMerge(managerOn(store.layer)))
    )
  )
})

it.effect("R2 P10 what is to be delayed is cancelled by a terminate that comes while it is being accepted", () => {
  const Work = ActivityType.make("Work")
  const Worker = Agent.make("Worker", { state: Schema.Int, initialState: 0, activities: [Work] })
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Worker)
    yield* store.gate.close
    const sending = yield* Effect.forkChild(
      runtime.send(Work.make(), { id: "delayed", deliverAt: 60_000 }),
      startImmediately
    )
    const ending = yield* Effect.forkChild(runtime.terminate(), startImmediately)
    yield* store.gate.open
    yield* Fiber.join(sending)
    yield* Fiber.join(ending)
    assert.strictEqual((yield* runtime.receipt("delayed")).status, "cancelled")
  }).pipe(
    Effect.provide(
      Workflow.layer(Worker, { Work: (_, done) => Effect.succeed(done + 1) }).pipe(
        Layer.provideMerge(managerOn(store.layer))
      )
    )
  )
})

it.effect("P7 R2 what is superseded ends once, also where a terminate gives it up meanwhile", () => {
  const Rest = ActivityType.make("Rest")
  const Over = ActivityType.make("Over", { overlap: { interrupt: "supersede" } })
  const Resting = Agent.make("Resting", { state: Schema.Int, initialState: 0, activities: [Rest, Over] })
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Resting)
    const events = yield* runtime.subscription({ outcomes: ["processed", "failed"] })
    const reading = yield* Effect.forkChild(Stream.runCollect(events), startImmediately)
    yield* runtime.send(Rest.make(), { id: "rest" })
    yield* TestClock.adjust("1 second")
    yield* store.gate.close
    const sending = yield* Effect.forkChild(Effect.exit(runtime.send(Over.make(), { id: "over" })), startImmediately)
    // Its write has begun.
    yield* TestClock.adjust("1 second")
    const ending = yield* Effect.forkChild(
      runtime.terminate({ mode: "immediate", grace: "1 second" }),
      startImmediately
    )
    yield* TestClock.adjust("1 second")
    yield* store.gate.open
    yield* Fiber.join(sending)
    yield* Fiber.join(ending)
    const told = Array.from(yield* Fiber.join(reading), (event: AgentEvent.AgentEvent) =>
      "activityId" in event && "sequence" in event ? `${event.sequence} ${event.activityId}` : event._tag
    )
    assert.deepStrictEqual(told, ["1 rest", "2 over", "End"])
  }).pipe(
    Effect.provide(
      Workflow.layer(Resting, {
        Rest: () => Effect.uninterruptible(Effect.never),
        Over: (_, n) => Effect.succeed(n)
      }).pipe(Layer.provideMerge(managerOn(store.layer)))
    )
  )
})

it.effect("P7 D1 what is about to start runs where the one that was to supersede it is refused", () => {
  const Work = ActivityType.make("Work")
  const Over = ActivityType.make("Over", { overlap: { interrupt: "supersede" } })
  const Worker = Agent.make("Worker", { state: Schema.Int, initialState: 0, activities: [Work, Over] })
  const starting = Latch.makeUnsafe()
  const started = Latch.makeUnsafe()
  let refusals = 1
  const store = storeWith((store) => ({
    write: Effect.forEach((write) => {
      const { append, start } = write.change
      if (start !== undefined) {
        return starting.open.pipe(
          Effect.andThen(started.await),
          Effect.andThen(store.write([write])),
          Effect.map(([exit]) => exit!)
        )
      }
      if (append !== undefined && refusals-- > 0) {
        return Effect.succeed(Exit.fail(new AgentError.StoreUnavailable({ message: "away" })))
      }
      return Effect.map(store.write([write]), ([exit]) => exit!)
    })
  }))
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Worker)
    yield* runtime.send(Work.make(), { id: "work" })
    yield* starting.await
    const sending = yield* Effect.forkChild(Effect.flip(runtime.send(Over.make())), startImmediately)
    yield* started.open
    assert.strictEqual((yield* Fiber.join(sending))._tag, "StoreUnavailable")
    yield* TestClock.adjust("1 second")
    const { attempts, status } = yield* runtime.awaitReceipt("work")
    assert.deepStrictEqual([status, attempts], ["succeeded", 1])
    assert.strictEqual((yield* runtime.info).state, 1)
  }).pipe(
    Effect.provide(
      Workflow.layer(Worker, { Work: (_, n) => Effect.succeed(n + 1), Over: (_, n) => Effect.succeed(n) }).pipe(
        Layer.provideMerge(managerOn(store))
      )
    )
  )
})

it.effect("R3 a resume that comes while a pause is being written is not lost", () => {
  const Add = ActivityType.make("Add")
  const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add] })
  const store = new FaultyStore()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* store.shutDuring(runtime.pause)
    const resuming = yield* Effect.forkChild(runtime.resume, startImmediately)
    yield* store.gate.open
    yield* Fiber.join(resuming)
    yield* runtime.ask(Add.make())
    assert.strictEqual((yield* runtime.info).status, "idle")
  }).pipe(
    Effect.provide(
      Workflow.layer(Sum, { Add: (_, n) => Effect.succeed(n + 1) }).pipe(Layer.provideMerge(managerOn(store.layer)))
    )
  )
})

it.effect("R3 D2 a runtime that is paused while an activity ends as a dead letter is both in its next life", () => {
  const Add = ActivityType.make("Add")
  const Break = ActivityType.make("Break")
  const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Break] })
  const store = new FaultyStore()
  const breaking = Latch.makeUnsafe()
  return Effect.gen(function* () {
    const stored = yield* Layer.build(store.layer)
    const life = Workflow.layer(Sum, {
      Add: (_, n) => Effect.succeed(n + 1),
      Break: () => Effect.andThen(breaking.await, Effect.die("broken"))
    }).pipe(Layer.provideMerge(managerOn(Layer.succeedContext(stored))))
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: "sum" })
      yield* runtime.send(Break.make(), { id: "break" })
      yield* TestClock.adjust("1 second")
      yield* store.shutDuring(runtime.send(Add.make(), { deliverAt: 60_000 }))
      const pausing = yield* Effect.forkChild(runtime.pause, startImmediately)
      yield* breaking.open
      yield* TestClock.adjust("1 second")
      yield* store.gate.open
      yield* Fiber.join(pausing)
      assert.strictEqual((yield* runtime.awaitReceipt("break")).status, "failed")
    }).pipe(Effect.provide(life), Effect.scoped)
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.get(Sum, "sum")
      assert.strictEqual((yield* runtime.info).status, "paused")
      assert.strictEqual((yield* runtime.info).lastError?.activityId, "break")
      yield* runtime.resume
      assert.strictEqual((yield* runtime.info).status, "error")
    }).pipe(Effect.provide(life), Effect.scoped)
  })
})

it.effect("P11 what is cancelled while its retry is being written is not tried again", () => {
  const Fail = ActivityType.make("Fail", {
    error: Schema.Literal("no"),
    retry: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 1 }))
  })
  const Failing = Agent.make("Failing", { state: Schema.Int, initialState: 0, activities: [Fail] })
  const store = new FaultyStore()
  const failing = Latch.makeUnsafe()
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Failing)
    yield* runtime.send(Fail.make(), { id: "fail" })
    yield* TestClock.adjust("1 second")
    yield* store.gate.close
    yield* failing.open
    yield* TestClock.adjust("1 second")
    const cancelling = yield* Effect.forkChild(runtime.cancel("fail"), startImmediately)
    yield* store.gate.open
    // A cancel waits no longer than this.
    for (let step = 0; step < 30; step++) yield* TestClock.adjust("1 second")
    const { attempts, status } = yield* Fiber.join(cancelling)
    assert.deepStrictEqual([status, attempts], ["cancelled", 1])
  }).pipe(
    Effect.provide(
      Workflow.layer(Failing, { Fail: () => Effect.andThen(failing.await, Effect.fail("no" as const)) }).pipe(
        Layer.provideMerge(managerOn(store.layer))
      )
    )
  )
})

it.effect(
  "R7 D6 a step that breaks when it takes effect does not take those with it that were written together",
  () => {
    const Add = ActivityType.make("Add")
    const Wait = ActivityType.make("Wait")
    const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Wait] })
    const store = new FaultyStore()
    const waiting = Latch.makeUnsafe()
    return Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum)
      yield* runtime.send(Wait.make(), { id: "fault" })
      yield* TestClock.adjust("1 second")
      yield* store.shutDuring(runtime.send(Add.make(), { deliverAt: 60_000 }))
      yield* waiting.open
      yield* TestClock.adjust("1 second")
      const sending = yield* Effect.forkChild(runtime.send(Add.make(), { id: "add" }), startImmediately)
      yield* store.gate.open
      yield* TestClock.adjust("1 second")
      assert.isDefined(sending.pollUnsafe(), "the sender is answered")
      assert.strictEqual((yield* runtime.awaitReceipt("add")).status, "succeeded")
      assert.strictEqual((yield* runtime.info).state, 2)
    }).pipe(
      Effect.provide(
        Workflow.layer(Sum, {
          Add: (_, n) => Effect.succeed(n + 1),
          Wait: (_, n) => Effect.as(waiting.await, n + 1)
        }).pipe(
          Layer.provideMerge(managerOn(store.layer)),
          Layer.provide(
            Layer.succeed(RuntimeTest.Faults, (at, _, activityId) => {
              if (at === "committed" && activityId === "fault") throw new Error("died")
            })
          )
        )
      )
    )
  }
)
