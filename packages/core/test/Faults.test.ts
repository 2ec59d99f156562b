import { RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"

const Add = ActivityType.make("Add", { payload: { yields: Schema.Boolean }, success: Schema.Int })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add] })
const SumLayer = Workflow.layer(Sum, {
  Add: ({ payload }, n) => {
    const reply = new Workflow.Reply(n + 1, n + 1)
    return payload.yields ? Effect.as(Effect.yieldNow, reply) : Effect.succeed(reply)
  }
})

/** A manager in which the processing dies at a point of the activities whose id begins with `fault`. */
const dyingAt = (point: RuntimeTest.FaultPoint, config: Parameters<typeof RuntimeConfig.layer>[0] = {}) =>
  SumLayer.pipe(
    Layer.provideMerge(RuntimeManager.layer),
    Layer.provide(RuntimeConfig.layer(config)),
    Layer.provide(
      Layer.succeed(RuntimeTest.Faults, (at, _, activityId) => {
        if (at === point && activityId.startsWith("fault")) throw new Error(`died when ${at}`)
      })
    )
  )

const points: ReadonlyArray<RuntimeTest.FaultPoint> = ["taken", "started", "ended", "committed"]

describe("R7 the death of the processing is noticed", () => {
  for (const point of points) {
    for (const yields of [false, true]) {
      it.effect(`when ${point}${yields ? ", in a fiber" : ""}: the runtime goes on from its last committed state`, () =>
        Effect.gen(function* () {
          const manager = yield* RuntimeManager.RuntimeManager
          const runtime = yield* manager.create(Sum)
          const reader = yield* runtime
            .subscribe({ outcomes: ["processed", "failed"] })
            .pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
          assert.strictEqual(yield* runtime.ask(Add.make({ yields })), 1)
          const dying = yield* Effect.forkChild(Effect.exit(runtime.ask(Add.make({ yields }), { id: "fault" })), {
            startImmediately: true
          })
          const isCommitted = point === "committed"
          assert.strictEqual((yield* Fiber.join(dying))._tag, isCommitted ? "Success" : "Failure")
          assert.strictEqual((yield* runtime.receipt("fault")).status, isCommitted ? "succeeded" : "failed")
          assert.strictEqual(yield* runtime.ask(Add.make({ yields })), isCommitted ? 3 : 2)
          const { metrics, sequence, status } = yield* runtime.info
          assert.deepStrictEqual([metrics.restarts, sequence, status], [1, 3, "idle"])
          yield* runtime.terminate()
          const tags = (yield* Fiber.join(reader)).map((event) => event._tag)
          assert.deepStrictEqual(tags, ["Processed", isCommitted ? "Processed" : "Failed", "Processed", "End"])
        }).pipe(Effect.provide(dyingAt(point)))
      )
    }
  }

  for (const point of points) {
    it.effect(`when ${point}: a runtime that restarts too often ends with End, and nobody waits forever`, () =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Sum)
        const reader = yield* runtime.subscribe().pipe(Stream.runLast, Effect.forkChild({ startImmediately: true }))
        yield* runtime.pause
        const asks: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let i = 0; i < 6; i++) {
          asks.push(
            yield* Effect.forkChild(
              Effect.exit(runtime.ask(Add.make({ yields: false }), { id: `${i < 3 ? "fault" : "queued"}-${i}` })),
              { startImmediately: true }
            )
          )
        }
        yield* runtime.resume
        yield* Fiber.awaitAll(asks)
        const last = yield* Fiber.join(reader)
        assert.deepStrictEqual(last._tag === "Some" ? last.value : undefined, { _tag: "End", reason: "terminated" })
        assert.strictEqual((yield* runtime.info).metrics.restarts, 3)
        const queued = yield* runtime.receipt("queued-3")
        assert.strictEqual(queued.error?._tag, "AgentRuntimeTerminated")
        assert.strictEqual((yield* Effect.flip(manager.get(runtime.id)))._tag, "AgentRuntimeNotFound")
      }).pipe(Effect.provide(dyingAt(point, { maxRestarts: 2 })))
    )
  }
})
