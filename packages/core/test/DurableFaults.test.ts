import { LocalRuntimes, RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentError } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Cause, Context, Duration, Effect, Exit, Fiber, Latch, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Add, Nap, Sleep, Sum, SumLayer, lives, livesOn, napping } from "./support/DurableSum.ts"
import type { Store } from "./support/Store.ts"

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
    assert.strictEqual((yield* Effect.flip(late.send(Add.make({ n: 1 }))))._tag, "StoreUnavailable")
    yield* life((manager) => Effect.flatMap(manager.get(Sum, "late"), (runtime) => runtime.ask(Add.make({ n: 1 }))))
  })
)

type Failing = Effect.Effect<unknown, { readonly _tag: string }>

it.effect(
  "R6 D1 who waits as the manager closes is told that the store goes on with it, and not that it has ended",
  () =>
    Effect.gen(function* () {
      const life = yield* lives
      const told = yield* life((manager) =>
        Effect.gen(function* () {
          const runtime = yield* manager.create(Sum, { id: "sum" })
          const asking: ReadonlyArray<Failing> = [
            runtime.ask(Sleep.make(), { id: "sleep" }),
            runtime.ask(Add.make({ n: 1 }), { id: "add" }),
            runtime.awaitReceipt("add")
          ]
          const fibers = yield* Effect.forEach(asking, (ask) =>
            Effect.forkDetach(Effect.flip(ask), { startImmediately: true })
          )
          yield* TestClock.adjust("1 second")
          return { fibers, runtime }
        })
      )
      for (const fiber of told.fibers) assert.strictEqual((yield* Fiber.join(fiber))._tag, "StoreUnavailable")
      const { runtime } = told
      const lates: ReadonlyArray<Failing> = [
        runtime.send(Add.make({ n: 1 })),
        runtime.pause,
        runtime.awaitReceipt("add"),
        runtime.info,
        runtime.terminate()
      ]
      for (const late of lates) assert.strictEqual((yield* Effect.flip(late))._tag, "StoreUnavailable")
      yield* life((manager) =>
        Effect.gen(function* () {
          const again = yield* manager.get(Sum, "sum")
          yield* again.cancel("sleep")
          assert.strictEqual((yield* again.awaitReceipt("add")).status, "succeeded")
        })
      )
    })
)

it.effect("R6 R8 a handle goes on with its runtime where its workflow is registered again", () =>
  Effect.gen(function* () {
    const registered = Effect.flatMap(Scope.make(), (scope) => Effect.as(Layer.buildWithScope(SumLayer, scope), scope))
    const scope = yield* registered
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sum)
    yield* runtime.ask(Add.make({ n: 1 }))
    yield* Scope.close(scope, Exit.void)
    assert.strictEqual((yield* Effect.flip(runtime.ask(Add.make({ n: 1 }))))._tag, "StoreUnavailable")
    yield* registered
    yield* runtime.ask(Add.make({ n: 1 }))
    assert.strictEqual((yield* runtime.info).state, 2)
  }).pipe(Effect.provide(RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))))
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

for (const [how, fails] of [
  // Its type declares no error, and so lets none through.
  ["fails of", (error: unknown) => Effect.fail(error as never)],
  ["dies of", Effect.die]
] as const) {
  it.effect(
    `P5 D6 what a workflow that ${how} the store leaves on record names neither the file nor the host of that`,
    () => {
      const Ask = ActivityType.make("Ask")
      const Asking = Agent.make("Asking", { state: Schema.Int, initialState: 0, activities: [Ask] })
      const unavailable = new AgentError.StoreUnavailable({ message: "/srv/a.sqlite is full", reason: "full" })
      return Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Asking)
        yield* runtime.send(Ask.make(), { id: "ask" })
        const { error } = yield* runtime.awaitReceipt("ask")
        assert.deepStrictEqual([error?._tag, error?.message], ["WorkflowDefect", "StoreUnavailable"])
      }).pipe(
        Effect.provide(
          Workflow.layer(Asking, { Ask: () => fails(unavailable) }).pipe(Layer.provideMerge(RuntimeManager.layer))
        )
      )
    }
  )
}
