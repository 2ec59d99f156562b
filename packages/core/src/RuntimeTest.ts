/**
 * The test kit: what every placement of the runtime manager must do, as data that any test runner can run.
 *
 * Provide the manager under test, with `limits` in force and `layer` beside it, and run the cases of `conformance`. In one
 * process time is a `TestClock`'s (`layerTestClock`); elsewhere it passes by waiting.
 *
 * @since 0.1.0
 */
import { Layer } from "effect"
import { TestClock } from "effect/testing"
import { broadcasting } from "./internal/conformance/broadcasting.ts"
import { type Case, PassTime } from "./internal/conformance/case.ts"
import { lifecycle } from "./internal/conformance/lifecycle.ts"
import { limits as suiteLimits } from "./internal/conformance/limits.ts"
import { overlapping } from "./internal/conformance/overlapping.ts"
import { processing } from "./internal/conformance/processing.ts"
import type { RuntimeConfigShape } from "./RuntimeConfig.ts"

export { type Case, PassTime } from "./internal/conformance/case.ts"
export { ConformanceFailure } from "./internal/conformance/expect.ts"
export { layer, Probe } from "./internal/conformance/probe.ts"
export { type FaultPoint, Faults, type InjectFault } from "./internal/faults.ts"

/**
 * The cases, each with the rule that it holds.
 *
 * @example
 * ```ts
 * import { RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
 * import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
 * import { Effect, Layer } from "effect"
 *
 * const placement = RuntimeTest.layer.pipe(
 *   Layer.provideMerge(RuntimeManager.layer),
 *   Layer.provide(RuntimeConfig.layer(RuntimeTest.limits))
 * )
 * const [first] = RuntimeTest.conformance
 * await Effect.runPromise(first!.run.pipe(Effect.provide(placement)))
 * console.log(first!.rule) // "R1"
 * ```
 *
 * @category conformance
 * @since 0.1.0
 */
export const conformance: ReadonlyArray<Case> = [...lifecycle, ...processing, ...overlapping, ...broadcasting]

/**
 * The limits that the cases count on, for `RuntimeConfig.layer`.
 *
 * @category conformance
 * @since 0.1.0
 */
export const limits: Partial<RuntimeConfigShape> = suiteLimits

/**
 * Lets time pass on the `TestClock` of who runs the cases. The manager under test must run on the same clock.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTestClock: Layer.Layer<never> = Layer.succeed(PassTime, (duration) => TestClock.adjust(duration))
