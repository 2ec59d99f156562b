import { RuntimeStore } from "@agent-runtime/core"
import { Context, Effect, Layer } from "effect"

export type Store = RuntimeStore.RuntimeStore["Service"]

/** A store in memory that outlives its managers. */
export const makeStore: Effect.Effect<Store> = Effect.map(
  Effect.scoped(Layer.build(RuntimeStore.layerMemory)),
  (built) => Context.get(built, RuntimeStore.RuntimeStore)
)
