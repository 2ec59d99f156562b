// A fiber yields when it has run for long, also between two steps that read as one: whatever happens then is not missed.
import { LocalRuntimes, RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Option, Scheduler, type Scope, Stream } from "effect"

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
