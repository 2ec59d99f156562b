// A fiber yields when it has run for long, also between two steps that read as one: whatever happens then is not missed.
import { LocalRuntimes, RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Option, Scheduler, type Scope, Stream } from "effect"

/** Waits for something in a fiber that yields after every `n` operations, while it happens after `k` turns of the scheduler. */
const everywhere = <E, R>(
  waits: (
    latch: Latch.Latch
  ) => Effect.Effect<
    { readonly wait: Effect.Effect<unknown, unknown>; readonly happen: Effect.Effect<unknown> },
    E,
    R | Scope.Scope
  >
) =>
  Effect.gen(function* () {
    for (let n = 3; n <= 48; n++) {
      for (let k = 0; k <= 6; k++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { happen, wait } = yield* waits(Latch.makeUnsafe())
            const waiting = yield* wait.pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
              Effect.forkChild({ startImmediately: true })
            )
            for (let turn = 0; turn < k; turn++) yield* Effect.yieldNow
            yield* happen
            const met = yield* Effect.timeoutOption(Fiber.join(waiting), "5 seconds")
            assert.isTrue(Option.isSome(met), `still waits: yields after ${n} operations, it happened after ${k} turns`)
          })
        )
      }
    }
  })

const layer = RuntimeManager.layer.pipe(
  Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 1, mailboxStrategy: "suspend" }))
)

/** A runtime whose activities end once the latch is open. */
const gated = (latch: Latch.Latch) =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    return yield* Effect.acquireRelease(
      local.create({ state: 0, workflow: (_, n: number) => Effect.as(latch.await, n + 1) }),
      (runtime) => Effect.orDie(runtime.terminate({ mode: "immediate" }))
    )
  })

describe("nobody waits for what has happened", () => {
  it.live("P3 who asks", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.map(gated(latch), (runtime) => ({ wait: runtime.ask({ type: "a" }), happen: latch.open }))
      ),
      layer
    )
  )

  it.live("P9 who waits for a receipt", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.gen(function* () {
          const runtime = yield* gated(latch)
          yield* runtime.send({ type: "a" }, { id: "a" })
          return { wait: runtime.awaitReceipt("a"), happen: latch.open }
        })
      ),
      layer
    )
  )

  it.live("B1 who reads events", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.gen(function* () {
          const runtime = yield* gated(latch)
          const events = yield* runtime.subscription()
          yield* runtime.send({ type: "a" })
          return { wait: Stream.runDrain(Stream.take(events, 1)), happen: latch.open }
        })
      ),
      layer
    )
  )

  it.live("R4 who follows the info", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.gen(function* () {
          const runtime = yield* gated(latch)
          yield* runtime.send({ type: "a" })
          const ended = Stream.takeUntil(runtime.changes, ({ sequence }) => sequence === 1)
          return { wait: Stream.runDrain(ended), happen: latch.open }
        })
      ),
      layer
    )
  )

  it.live("R2 who waits for the end", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.gen(function* () {
          const runtime = yield* gated(latch)
          yield* runtime.send({ type: "a" })
          return { wait: runtime.terminate(), happen: latch.open }
        })
      ),
      layer
    )
  )

  it.live("P13 who waits for a place in the mailbox", () =>
    Effect.provide(
      everywhere((latch) =>
        Effect.gen(function* () {
          const runtime = yield* gated(latch)
          for (let i = 0; i < 2; i++) yield* runtime.send({ type: "a" })
          return { wait: runtime.send({ type: "a" }), happen: latch.open }
        })
      ),
      layer
    )
  )
})
