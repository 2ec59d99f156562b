/** An agent that adds up, on a store in memory that outlives its managers. */
import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Duration, Effect, Latch, Layer, Schedule, Schema, type Scope } from "effect"
import { makeStore, type Store } from "./Store.ts"

export const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
export const Sleep = ActivityType.make("Sleep")
export const Nap = ActivityType.make("Nap")
export const Relay = ActivityType.make("Relay", { payload: { to: Schema.String, n: Schema.Int } })
export const Refuse = ActivityType.make("Refuse", {
  error: Schema.Literal("refused"),
  retry: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 2 }))
})
export const Sum = Agent.make("Sum", {
  state: Schema.Int,
  initialState: 0,
  activities: [Add, Sleep, Nap, Relay, Refuse]
})

/** Open once a `Nap` has begun. */
export const napping = Latch.makeUnsafe()

export const SumLayer = Workflow.layer(Sum, {
  Add: ({ payload }, total) => Effect.succeed(total + payload.n),
  Sleep: (_, total) => Effect.as(Effect.sleep("1 hour"), total),
  Refuse: () => Effect.fail("refused" as const),
  Nap: (_, total) => Effect.as(Effect.andThen(napping.open, Effect.sleep("5 seconds")), total),
  Relay: ({ payload }, total, context) =>
    Effect.as(Effect.orDie(context.send(payload.to, Add.make({ n: payload.n }))), total)
})

type Run<A, E> = (manager: RuntimeManager.RuntimeManager["Service"]) => Effect.Effect<A, E, Scope.Scope>

/** Managers over one store, one after the other: what one leaves the next finds. */
export const livesIn =
  (store: Store) =>
  <A, E>(run: Run<A, E>, config: Partial<RuntimeConfig.RuntimeConfigShape> = {}): Effect.Effect<A> =>
    Effect.flatMap(RuntimeManager.RuntimeManager, run).pipe(
      Effect.scoped,
      Effect.provide(
        SumLayer.pipe(
          Layer.provideMerge(RuntimeManager.layerDurable),
          Layer.provide(Layer.succeed(RuntimeStore.RuntimeStore, store)),
          Layer.provide(RuntimeConfig.layer({ grace: Duration.zero, ...config }))
        )
      ),
      Effect.orDie
    )

/** As `livesIn`, over a new store with something around it. */
export const livesOn = (around: (store: Store) => Store) => Effect.map(makeStore, (store) => livesIn(around(store)))

export const lives = livesOn((store) => store)
