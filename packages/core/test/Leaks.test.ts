import { LocalRuntimes, RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Latch, Layer, Metric, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { fileURLToPath } from "node:url"
import { Census, noRuntimes } from "./support/Census.ts"

const uncounted = Effect.provideService(Metric.FiberRuntimeMetrics, undefined)

describe("nothing is left", () => {
  it("R2 the heap does not grow over 100,000 lives", { timeout: 300_000 }, async () => {
    const script = fileURLToPath(new URL("./support/Cycles.ts", import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--expose-gc",
      "--conditions=@agent-runtime/source",
      script
    ])
    const { after, before, left } = JSON.parse(stdout)
    assert.strictEqual(left, 0)
    // Thirteen bytes a life: less than any object.
    assert.isBelow(after - before, 1024 * 1024, `${before} -> ${after} bytes`)
  })

  it.effect(
    "R2 after terminate fibers, timers and subscribers are gone, though activities ran, waited, were delayed and retried",
    () => {
      const census = new Census()
      return Effect.gen(function* () {
        const local = yield* LocalRuntimes.LocalRuntimes
        for (const mode of ["drain", "immediate"] as const) {
          const runtime = yield* local.create({ state: 0, workflow: () => Effect.never, timeout: "10 seconds" })
          const readers = [
            yield* runtime.subscribe().pipe(Stream.runDrain, Effect.forkChild({ startImmediately: true })),
            yield* runtime.changes.pipe(Stream.runDrain, Effect.forkChild({ startImmediately: true }))
          ]
          yield* runtime.send({ type: "runs" })
          yield* runtime.send({ type: "waits" })
          yield* runtime.send({ type: "delayed" }, { deliverAt: 60_000 })
          yield* Effect.yieldNow
          assert.isAbove(census.alive, 0)
          const ending = yield* Effect.forkChild(runtime.terminate({ mode, grace: "1 second" }), {
            startImmediately: true
          })
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(ending)
          yield* Fiber.awaitAll(readers)
          yield* noRuntimes
          yield* census.expect(0)
        }
      }).pipe(uncounted, Effect.provide(RuntimeManager.layer.pipe(Layer.provide(census.layer))))
    }
  )

  it.effect("P6 the alarm of an activity's timeout goes with the activity", () => {
    const census = new Census()
    return Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({
        state: 0,
        workflow: ({ type }, n) => Effect.as(type === "long" ? Effect.sleep("25 seconds") : Effect.yieldNow, n + 1)
      })
      yield* runtime.ask({ type: "short" })
      yield* census.expect(0)
      // Were the first alarm still set, it would end the next activity, ten seconds too early.
      yield* TestClock.adjust("10 seconds")
      const asking = yield* Effect.forkChild(runtime.ask({ type: "long" }), { startImmediately: true })
      yield* TestClock.adjust("25 seconds")
      yield* Fiber.join(asking)
      yield* census.expect(0)
    }).pipe(uncounted, Effect.provide(RuntimeManager.layer.pipe(Layer.provide(census.layer))))
  })

  it.effect("R6 when the layer's scope closes its runtimes drain within the grace, and no fiber outlives it", () => {
    const census = new Census()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(RuntimeManager.layer.pipe(Layer.provide(census.layer)), scope)
      const { runtime, reader } = yield* Effect.gen(function* () {
        const local = yield* LocalRuntimes.LocalRuntimes
        const runtime = yield* local.create({
          state: 0,
          workflow: ({ type }, n) => (type === "stuck" ? Effect.never : Effect.succeed(n + 1)),
          timeout: "Infinity"
        })
        const reader = yield* runtime.subscribe().pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
        return { runtime, reader }
      }).pipe(Effect.provide(context))
      yield* runtime.pause
      yield* runtime.send({ type: "queued" })
      const stuck = yield* runtime.send({ type: "stuck" })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      const events = (yield* Fiber.join(reader)).map((event) =>
        event._tag === "End" ? `end ${event.reason}` : "type" in event ? event.type : event._tag
      )
      assert.deepStrictEqual(events, ["queued", "end shutdown"])
      assert.strictEqual((yield* runtime.receipt(stuck.activityId)).error?._tag, "AgentRuntimeTerminated")
      yield* census.expect(0)
    }).pipe(uncounted)
  })

  it.effect("B9 a runtime that was draining for good when the scope closed tells so", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(RuntimeManager.layer, scope)
      yield* Effect.gen(function* () {
        const local = yield* LocalRuntimes.LocalRuntimes
        const runtime = yield* local.create({ state: 0, workflow: () => Effect.never })
        const reader = yield* runtime.subscribe().pipe(Stream.runLast, Effect.forkChild({ startImmediately: true }))
        yield* runtime.send({ type: "stuck" })
        yield* Effect.yieldNow
        yield* Effect.forkChild(runtime.terminate(), { startImmediately: true })
        yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        const last = yield* Fiber.join(reader)
        assert.deepStrictEqual(last._tag === "Some" ? last.value : undefined, { _tag: "End", reason: "terminated" })
      }).pipe(Effect.provide(context))
    })
  )

  for (const mode of ["drain", "immediate"] as const) {
    it.effect(`R2 asking again and again for the same end (${mode}) keeps nothing`, () =>
      Effect.gen(function* () {
        const local = yield* LocalRuntimes.LocalRuntimes
        const runtime = yield* local.create({
          id: "stuck",
          state: 0,
          workflow: () => Effect.uninterruptible(Effect.never),
          timeout: "Infinity"
        })
        yield* runtime.send({ type: "stuck" })
        yield* Effect.yieldNow
        const entry = (runtime as unknown as { readonly entry: { readonly onClosed?: ReadonlySet<unknown> } }).entry
        for (let i = 0; i < 100; i++) {
          const asked = yield* Effect.forkChild(runtime.terminate({ mode }), { startImmediately: true })
          yield* Fiber.interrupt(asked)
        }
        assert.isAtMost(entry.onClosed?.size ?? 0, 1)
        yield* TestClock.adjust("5 seconds")
        yield* TestClock.adjust("5 seconds")
      }).pipe(Effect.provide(RuntimeManager.layer))
    )
  }

  for (const mode of ["drain", "immediate"] as const) {
    it.effect(`R6 the grace counts also for a runtime that a terminate (${mode}) gave longer`, () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(RuntimeManager.layer, scope)
        const local = Context.get(context, LocalRuntimes.LocalRuntimes)
        const runtime = yield* local.create({
          state: 0,
          workflow: () => Effect.uninterruptible(Effect.never),
          timeout: "Infinity"
        })
        yield* runtime.send({ type: "stuck" })
        yield* Effect.yieldNow
        yield* Effect.forkDetach(runtime.terminate({ mode, grace: "Infinity" }), { startImmediately: true })
        const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        yield* TestClock.adjust("5 seconds")
        assert.isDefined(closing.pollUnsafe(), "the manager has closed")
      })
    )
  }

  for (const [where, layer] of [
    ["in memory", RuntimeManager.layer],
    ["with a store", RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))]
  ] as const) {
    it.effect(`R6 ${where} what cannot be interrupted is abandoned half a second after the grace of a shutdown`, () =>
      Effect.gen(function* () {
        const began = Latch.makeUnsafe()
        const StuckLayer = Workflow.layer(Worker, {
          Work: () => Effect.andThen(began.open, Effect.uninterruptible(Effect.never))
        })
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(StuckLayer.pipe(Layer.provideMerge(layer)), scope)
        const runtime = yield* Context.get(context, RuntimeManager.RuntimeManager).create(Worker)
        yield* runtime.send(Work.make())
        yield* began.await
        const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.isUndefined(closing.pollUnsafe(), "it has its grace")
        yield* TestClock.adjust("500 millis")
        assert.isDefined(closing.pollUnsafe(), "the manager has closed")
      })
    )
  }

  const Work = ActivityType.make("Work")
  const Worker = Agent.make("Worker", { state: Schema.Int, initialState: 0, activities: [Work] })

  class Database {
    isOpen = true
    rows = 0
  }

  it.effect("R6 the services that workflows use are open while they drain, however the layers were ordered", () =>
    Effect.gen(function* () {
      for (const order of ["manager outside", "manager inside"] as const) {
        const database = new Database()
        const scope = yield* Scope.make()
        const service = Layer.effectDiscard(
          Effect.acquireRelease(Effect.void, () => Effect.sync(() => void (database.isOpen = false)))
        )
        const workflow = Workflow.layer(Worker, {
          Work: (_, n) =>
            Effect.map(Effect.yieldNow, () => {
              assert.isTrue(database.isOpen, `${order}: the service was closed before the drain`)
              database.rows++
              return n + 1
            })
        }).pipe(Layer.provide(service))
        const layer =
          order === "manager outside"
            ? workflow.pipe(Layer.provideMerge(RuntimeManager.layer))
            : Layer.merge(workflow, service).pipe(Layer.provideMerge(RuntimeManager.layer))
        const context = yield* Layer.buildWithScope(layer, scope)
        yield* Effect.gen(function* () {
          const manager = yield* RuntimeManager.RuntimeManager
          const runtime = yield* manager.create(Worker)
          for (let i = 0; i < 5; i++) yield* runtime.send(Work.make())
        }).pipe(Effect.provide(context))
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual([database.rows, database.isOpen], [5, false])
      }
    })
  )

  it.effect("R6 a runtime that a draining workflow creates drains too", () => {
    const census = new Census()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(RuntimeManager.layer.pipe(Layer.provide(census.layer)), scope)
      let late = 0
      yield* Effect.gen(function* () {
        const local = yield* LocalRuntimes.LocalRuntimes
        const runtime = yield* local.create({
          state: 0,
          workflow: (_, n) =>
            Effect.gen(function* () {
              yield* Effect.yieldNow
              const other = yield* Effect.exit(
                local.create({
                  state: 0,
                  workflow: (_, n) => Effect.map(Effect.yieldNow, () => (late++, n + 1))
                })
              )
              if (Exit.isSuccess(other)) yield* Effect.exit(other.value.send({ type: "late" }))
              return n + 1
            })
        })
        yield* runtime.send({ type: "early" })
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(context))
      yield* census.expect(0)
      assert.isAtMost(late, 1)
    }).pipe(uncounted)
  })
})

describe("nothing is left with a store", () => {
  it.effect("R6 no fiber outlives the scope, though something sleeps, waits, runs and is on its way", () => {
    const census = new Census()
    const Relay = ActivityType.make("Relay")
    const Hang = ActivityType.make("Hang")
    const Sender = Agent.make("Sender", { state: Schema.Int, initialState: 0, activities: [Relay, Hang] })
    const SenderLayer = Workflow.layer(Sender, {
      // Its mailbox is full: the delivery is tried again and again.
      Relay: (_, n, { send }) => Effect.as(Effect.orDie(send("full", Relay.make())), n + 1),
      Hang: () => Effect.never
    })
    const durable = RuntimeManager.layerDurable.pipe(
      Layer.provide(RuntimeStore.layerMemory),
      Layer.provide(
        RuntimeConfig.layer({ mailboxCapacity: 2, maxIdleTime: Duration.seconds(10), grace: Duration.seconds(1) })
      ),
      Layer.provide(census.layer)
    )
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(SenderLayer.pipe(Layer.provideMerge(durable)), scope)
      const manager = Context.get(context, RuntimeManager.RuntimeManager)
      const asleep = yield* manager.create(Sender, { id: "asleep" })
      const readers = [yield* Effect.forkChild(Stream.runCollect(asleep.subscribe()), { startImmediately: true })]
      yield* TestClock.adjust("1 minute")
      const full = yield* manager.create(Sender, { id: "full" })
      yield* full.send(Hang.make())
      yield* full.send(Hang.make())
      yield* full.send(Hang.make(), { deliverAt: 8e12 })
      const busy = yield* manager.create(Sender, { id: "busy" })
      yield* busy.ask(Relay.make())
      yield* busy.send(Hang.make())
      readers.push(yield* Effect.forkChild(Stream.runCollect(busy.subscribe()), { startImmediately: true }))
      yield* TestClock.adjust("1 second")
      assert.isAbove(census.alive, 0)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      for (const reader of readers) {
        assert.deepStrictEqual((yield* Fiber.join(reader)).at(-1), { _tag: "End", reason: "shutdown" })
      }
      yield* TestClock.adjust("1 hour")
      yield* census.expect(0)
    }).pipe(uncounted)
  })
})
