import { RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import * as Stores from "./support/Stores.ts"

const Relay = ActivityType.make("Relay")
const Add = ActivityType.make("Add")
const Sender = Agent.make("Sender", { state: Schema.Int, initialState: 0, activities: [Relay] })
const Target = Agent.make("Target", { state: Schema.Int, initialState: 0, activities: [Add] })
const SenderLayer = Workflow.layer(Sender, {
  Relay: (_, n, context) => Effect.as(Effect.orDie(context.send("target", Add.make())), n + 1)
})
const TargetLayer = Workflow.layer(Target, { Add: (_, n) => Effect.succeed(n + 1) })

it.live("R2 D1 what was sent before a terminate outlives the process (SQLite)", () =>
  Effect.gen(function* () {
    const database = yield* Stores.sqlite
    /** One process after the other. */
    const life = <A, E>(
      workflows: Layer.Layer<never, E, Workflow.Workflows>,
      body: (manager: RuntimeManager.RuntimeManager["Service"]) => Effect.Effect<A, unknown>
    ) =>
      Effect.flatMap(RuntimeManager.RuntimeManager, body).pipe(
        Effect.provide(
          workflows.pipe(
            Layer.provideMerge(RuntimeManager.layerDurable),
            Layer.provide(Layer.effect(RuntimeStore.RuntimeStore, database.store))
          )
        )
      )
    yield* life(TargetLayer, (manager) => manager.create(Target, { id: "target" }))
    // The target cannot be reached: nobody here runs it.
    yield* life(SenderLayer, (manager) =>
      Effect.gen(function* () {
        const sender = yield* manager.create(Sender, { id: "sender" })
        yield* sender.ask(Relay.make())
        yield* Effect.forkChild(manager.terminate("sender"), { startImmediately: true })
        // Its end would be written by the commit of this one.
        yield* manager.create(Sender)
      })
    )
    yield* life(Layer.merge(SenderLayer, TargetLayer), (manager) =>
      Effect.gen(function* () {
        const target = yield* manager.get(Target, "target")
        const arrived = Stream.runHead(Stream.filter(target.changes, ({ state }) => state === 1))
        const found = yield* Effect.timeout(arrived, "5 seconds")
        assert.isTrue(Option.isSome(found))
      })
    )
  })
)
