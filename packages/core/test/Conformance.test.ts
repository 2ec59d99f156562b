import { RuntimeConfig, RuntimeManager, RuntimeStore } from "@agent-runtime/core"
import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"

const inMemory = RuntimeTest.layer.pipe(
  Layer.provideMerge(RuntimeManager.layer),
  Layer.provide(RuntimeConfig.layer(RuntimeTest.limits)),
  Layer.merge(RuntimeTest.layerTestClock)
)

const onStore = RuntimeTest.layer.pipe(
  Layer.provideMerge(RuntimeManager.layerDurable),
  Layer.provide(RuntimeStore.layerMemory),
  Layer.provide(RuntimeConfig.layer(RuntimeTest.limits)),
  Layer.merge(RuntimeTest.layerTestClock)
)

describe("RuntimeManager.layerDurable on RuntimeStore.layerMemory", () => {
  for (const { rule, run, title } of RuntimeTest.conformance) {
    it.effect(`${rule} ${title}`, () => Effect.provide(run, onStore))
  }
})

describe("RuntimeManager.layer", () => {
  for (const { rule, run, title } of RuntimeTest.conformance) {
    it.effect(`${rule} ${title}`, () => Effect.provide(run, inMemory))
  }
})
