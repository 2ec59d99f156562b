/** An Effect Cluster entity on the in-memory cluster of `TestRunner`, sent to without waiting for the reply. */
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { Entity, TestRunner } from "effect/cluster"
import { Rpc } from "effect/rpc"
import type { MakeCounters } from "../Counters.ts"

const Counter = Entity.make("Counter", [Rpc.make("Increment", { payload: { by: Schema.Int } })])

export const entities: MakeCounters = async (count, processed) => {
  const handlers = Counter.toLayer(
    Effect.sync(() => {
      let state = 0
      return Counter.of({
        Increment: Effect.fnUntraced(function* ({ payload }) {
          yield* Effect.void
          state += payload.by
          processed()
        })
      })
    }),
    { mailboxCapacity: "unbounded" }
  )
  const runtime = ManagedRuntime.make(handlers.pipe(Layer.provideMerge(TestRunner.layer)))
  const clientFor = await runtime.runPromise(Counter.client)
  const clients = Array.from({ length: count }, (_, index) => clientFor(`counter-${index}`))
  return {
    send: (index, activity) => void runtime.runFork(clients[index]!.Increment(activity, { discard: true }))
  }
}
