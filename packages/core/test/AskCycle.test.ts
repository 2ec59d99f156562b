import { LocalRuntimes, RuntimeManager } from "@agent-runtime/core"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"

it.effect("P3 an ask that joins an activity which asks back is a cycle, whoever sent that activity", () =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const manager = yield* RuntimeManager.RuntimeManager
    const joined = yield* Deferred.make<void>()
    const refused = yield* Deferred.make<string>()
    yield* local.create({
      id: "b",
      state: 0,
      workflow: (_, n) =>
        Deferred.await(joined).pipe(
          Effect.andThen(Effect.yieldNow),
          Effect.andThen(Effect.flip(manager.ask("a", { type: "tick" }))),
          Effect.flatMap((error) => Deferred.succeed(refused, (error as { readonly _tag: string })._tag)),
          Effect.as(n + 1),
          Effect.orDie
        )
    })
    yield* manager.send("b", { type: "work" }, { id: "work" })
    const a = yield* local.create({
      id: "a",
      state: 0,
      workflow: (_, n) =>
        Deferred.succeed(joined, undefined).pipe(
          Effect.andThen(manager.ask("b", { type: "work" }, { id: "work" })),
          Effect.as(n + 1),
          Effect.orDie
        )
    })
    yield* a.ask({ type: "go" })
    assert.strictEqual(yield* Deferred.await(refused), "AskCycle")
  }).pipe(Effect.provide(RuntimeManager.layer))
)
