import { RuntimeConfig, RuntimeManager, RuntimeStore } from "@agent-runtime/core"
import { AgentError } from "@agent-runtime/schema"
import { Effect, Exit, Latch, Layer } from "effect"
import { TestClock } from "effect/testing"
import { makeStore, type Store } from "./Store.ts"

/** A store in memory, with something of it replaced. */
export const storeWith = (change: (store: Store) => Partial<Store>): Layer.Layer<RuntimeStore.RuntimeStore> =>
  Layer.effect(
    RuntimeStore.RuntimeStore,
    Effect.map(makeStore, (store) => ({ ...store, ...change(store) }))
  )

/** A manager on such a store. */
export const managerOn = (
  store: Layer.Layer<RuntimeStore.RuntimeStore>,
  config: Partial<RuntimeConfig.RuntimeConfigShape> = {}
) => RuntimeManager.layerDurable.pipe(Layer.provide(store), Layer.provide(RuntimeConfig.layer(config)))

/** A store that holds its writes while it is shut, refuses them while it is away, and dies of them while it is broken. */
export class FaultyStore {
  readonly gate = Latch.makeUnsafe(true)
  isAway = false
  isBroken = false

  /** Shuts while a write is under way that an effect begins: what comes then shares the next one. */
  shutDuring<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void> {
    return this.gate.close.pipe(
      Effect.andThen(Effect.forkDetach(effect, { startImmediately: true })),
      Effect.andThen(TestClock.adjust("1 second"))
    )
  }

  private around(write: Effect.Effect<RuntimeStore.WriteExit>): Effect.Effect<RuntimeStore.WriteExit> {
    return Effect.andThen(
      this.gate.await,
      Effect.suspend(() => {
        if (this.isBroken) return Effect.die(new Error("broken"))
        return this.isAway ? Effect.succeed(Exit.fail(away)) : write
      })
    )
  }

  readonly layer = storeWith((store) => ({
    write: Effect.forEach((write) => this.around(Effect.map(store.write([write]), ([exit]) => exit!)))
  }))
}

const away = new AgentError.StoreUnavailable({ message: "away" })
