import { LocalRuntimes, RuntimeManager } from "@agent-runtime/core"
import { it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
it.effect("x", () =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const r = yield* local.create({ id: "c", state: 0, workflow: () => Effect.never })
    const f = yield* Effect.forkChild(r.ask({ type: "x" }, { id: "a", cancelOnInterrupt: true }), {
      startImmediately: true
    })
    for (let i = 0; i < 10; i++) yield* Effect.yieldNow
    console.log((yield* r.receipt("a")).status)
    yield* Fiber.interrupt(f)
    for (let i = 0; i < 10; i++) yield* Effect.yieldNow
    console.log((yield* r.receipt("a")).status)
  }).pipe(Effect.provide(RuntimeManager.layer))
)
