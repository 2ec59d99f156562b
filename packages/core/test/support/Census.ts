import { Effect, Layer, Metric } from "effect"
import { RuntimeManager } from "@agent-runtime/core"
import { assert } from "@effect/vitest"

/** Counts the fibers that start and end. */
export class Census {
  started = 0
  alive = 0

  /** The fibers of a manager are counted where this is provided to its layer. */
  readonly layer: Layer.Layer<never> = Layer.succeed(Metric.FiberRuntimeMetrics, {
    recordFiberStart: () => {
      this.started++
      this.alive++
    },
    recordFiberEnd: () => {
      this.alive--
    }
  })

  /** Waits a little for fibers that are on their way out, then fails unless only `expected` are left. */
  readonly expect = (expected: number): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      for (let i = 0; i < 100 && this.alive !== expected; i++) yield* Effect.yieldNow
      assert.strictEqual(this.alive, expected, "fibers alive")
    })
}

/** Nothing of what was created is there any more. */
export const noRuntimes = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  assert.deepStrictEqual((yield* manager.list()).items, [])
})
