// A fiber yields when it has run for long, also between two steps that read as one: whatever happens then is not missed.
import { LocalRuntimes, RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Latch, Layer, Option, Scheduler, Schema, type Scope, Stream } from "effect"

const Die = ActivityType.make("Die")
const Dying = Agent.make("Dying", { state: Schema.Int, initialState: 0, activities: [Die] })

/** A runtime whose activities end once the latch is open. */
const gated = (latch: Latch.Latch) =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    return yield* Effect.acquireRelease(
      local.create({ state: 0, workflow: (_, n: number) => Effect.as(latch.await, n + 1) }),
      (runtime) => Effect.orDie(runtime.terminate({ mode: "immediate" }))
    )
  })

type Gated = Effect.Success<ReturnType<typeof gated>>

/**
 * Waits for something of a runtime in a fiber that yields after every `n` operations, while the runtime's activities end after
 * `k` turns of the scheduler. `prepare` answers how to wait.
 */
const everywhere = <E>(prepare: (runtime: Gated) => Effect.Effect<Effect.Effect<unknown, unknown>, E, Scope.Scope>) =>
  Effect.gen(function* () {
    for (let n = 3; n <= 48; n++) {
      for (let k = 0; k <= 6; k++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const latch = Latch.makeUnsafe()
            const wait = yield* prepare(yield* gated(latch))
            const waiting = yield* wait.pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
              Effect.forkChild({ startImmediately: true })
            )
            for (let turn = 0; turn < k; turn++) yield* Effect.yieldNow
            yield* latch.open
            const met = yield* Effect.timeoutOption(Fiber.join(waiting), "5 seconds")
            assert.isTrue(Option.isSome(met), `still waits: yields after ${n} operations, it happened after ${k} turns`)
          })
        )
      }
    }
  }).pipe(
    Effect.provide(
      RuntimeManager.layer.pipe(Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
    )
  )

describe("nobody waits for what has happened", () => {
  it.live("P3 who asks", () => everywhere((runtime) => Effect.succeed(runtime.ask({ type: "a" }))))

  it.live("P9 who waits for a receipt", () =>
    everywhere((runtime) => Effect.as(runtime.send({ type: "a" }, { id: "a" }), runtime.awaitReceipt("a")))
  )

  it.live("B1 who reads events", () =>
    everywhere((runtime) =>
      Effect.gen(function* () {
        const events = yield* runtime.subscription()
        yield* runtime.send({ type: "a" })
        return Stream.runDrain(Stream.take(events, 1))
      })
    )
  )

  it.live("R4 who follows the info", () =>
    everywhere((runtime) => {
      const ended = Stream.takeUntil(runtime.changes, ({ sequence }) => sequence === 1)
      return Effect.as(runtime.send({ type: "a" }), Stream.runDrain(ended))
    })
  )

  it.live("R2 who waits for the end", () =>
    everywhere((runtime) => Effect.as(runtime.send({ type: "a" }), runtime.terminate()))
  )

  it.live("P13 who waits for a place in the mailbox", () =>
    everywhere((runtime) => {
      const send = runtime.send({ type: "a" })
      return Effect.as(Effect.andThen(send, send), send)
    })
  )
})

/** Interrupts an effect wherever its fiber may yield. */
const interrupted = Effect.fnUntraced(function* (effect: Effect.Effect<unknown, unknown>, n: number) {
  const fiber = yield* Effect.exit(effect).pipe(
    Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
    Effect.forkChild({ startImmediately: true })
  )
  yield* Fiber.interrupt(fiber)
})

describe("what is interrupted is done, or not begun", () => {
  it.live("P11 an ask that cancels what it asked", () =>
    Effect.gen(function* () {
      for (let n = 3; n <= 48; n++) {
        const runtime = yield* gated(Latch.makeUnsafe())
        yield* interrupted(runtime.ask({ type: "a" }, { cancelOnInterrupt: true }), n)
        const idle = runtime.changes.pipe(
          Stream.takeUntil(({ metrics, status }) => metrics.inFlight === 0 && status === "idle"),
          Stream.runDrain
        )
        assert.isTrue(Option.isSome(yield* Effect.timeoutOption(idle, "1 second")), `it runs on after ${n} operations`)
      }
    }).pipe(Effect.provide(RuntimeManager.layer), Effect.scoped)
  )

  it.live("P3 an ask from a workflow, which waits for nobody any more", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const manager = yield* RuntimeManager.RuntimeManager
      for (let n = 3; n <= 48; n++) {
        const gaveUp = Latch.makeUnsafe()
        const over = Latch.makeUnsafe()
        const asks = (id: string, ask: (manager: RuntimeManager.RuntimeManager["Service"]) => Effect.Effect<unknown>) =>
          local.create({
            id: `${id}-${n}`,
            state: 0,
            workflow: ({ type }, state) => (type === "go" ? Effect.as(ask(manager), state) : Effect.succeed(state))
          })
        const b = yield* asks("b", (manager) =>
          Effect.orDie(Effect.andThen(over.open, manager.ask(`a-${n}`, { type: "ping" })))
        )
        const a = yield* asks("a", (manager) =>
          Effect.andThen(
            interrupted(manager.ask(`b-${n}`, { type: "ping" }), n),
            Effect.andThen(gaveUp.open, over.await)
          )
        )
        const first = yield* Effect.forkChild(a.ask({ type: "go" }), { startImmediately: true })
        yield* gaveUp.await
        const exit = yield* Effect.exit(b.ask({ type: "go" }))
        assert.isTrue(exit._tag === "Success", `a cycle after ${n} operations: ${String(exit)}`)
        yield* Fiber.join(first)
      }
    }).pipe(Effect.provide(RuntimeManager.layer))
  )

  it.live("P5 a replay, and that a dead letter is discarded", () =>
    Effect.gen(function* () {
      const store = yield* Layer.build(RuntimeStore.layerMemory)
      for (let n = 3; n <= 48; n++) {
        yield* Effect.gen(function* () {
          const manager = yield* RuntimeManager.RuntimeManager
          const runtime = yield* manager.create(Dying, { id: `dying-${n}` })
          for (const id of ["a", "b"]) {
            yield* runtime.send(Die.make(), { id })
            yield* runtime.awaitReceipt(id)
          }
          yield* interrupted(runtime.replay("a"), n)
          yield* interrupted(runtime.discard("b"), n)
          yield* Effect.timeoutOption(Effect.ignore(runtime.awaitReceipt("a")), "1 second")
          yield* Effect.yieldNow
          const kept = (yield* runtime.deadLetters).map(({ activityId }) => activityId as string)
          const stored = (yield* Context.get(store, RuntimeStore.RuntimeStore).open(runtime.id))!.deadLetters
          assert.include(kept, "a", `lost after ${n} operations`)
          assert.strictEqual(stored.length, kept.length, `another one in the store after ${n} operations`)
        }).pipe(
          Effect.provide(
            Layer.provideMerge(
              Workflow.layer(Dying, { Die: () => Effect.die("died") }),
              Layer.provide(RuntimeManager.layerDurable, Layer.succeedContext(store))
            )
          )
        )
      }
    }).pipe(Effect.scoped)
  )
})
