import { LocalRuntimes, RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })
const Harm = ActivityType.make("Harm", { timeout: "1 second" })
const Peer = Agent.make("Peer", {
  state: Schema.Struct({ total: Schema.Int, list: Schema.Array(Schema.Int) }),
  initialState: { total: 0, list: [1] },
  activities: [Add, Harm]
})
type State = Agent.State<typeof Peer>

/** What no typed workflow could return: an untyped one, or a bug, can. */
const asState = (value: unknown): State => value as State

type HarmHandler = Workflow.Handler<typeof Peer, typeof Harm, never>

/** Each with what the receipt of its activity says. */
const harms: Readonly<Record<string, readonly [outcome: string, handler: HarmHandler]>> = {
  throws: [
    "failed WorkflowDefect",
    () => {
      throw new Error("thrown")
    }
  ],
  "throws nothing": [
    "failed WorkflowDefect",
    () => {
      throw undefined
    }
  ],
  dies: ["failed WorkflowDefect", () => Effect.die(new Error("died"))],
  "dies in a fiber": ["failed WorkflowDefect", () => Effect.andThen(Effect.yieldNow, Effect.die("died"))],
  "dies of a hostile value": [
    "failed WorkflowDefect",
    () =>
      Effect.die({
        toString() {
          throw new Error("hostile")
        },
        get message() {
          throw new Error("hostile")
        },
        get _tag() {
          throw new Error("hostile")
        }
      })
  ],
  "interrupts itself": ["cancelled ActivityCancelled", () => Effect.interrupt],
  "never returns": ["failed ActivityTimedOut", () => Effect.never],
  "never returns an effect": ["failed WorkflowDefect", () => asState(undefined) as never],
  // What is uninterruptible is respected, and ends in its own time.
  "blocks interruption": [
    "failed ActivityTimedOut",
    (_, state) => Effect.uninterruptible(Effect.as(Effect.sleep("3 seconds"), state))
  ],
  "fails in its finalizer": [
    "failed WorkflowDefect",
    () => Effect.ensuring(Effect.never, Effect.die(new Error("finalizer")))
  ],
  "returns a state that does not fit": [
    "failed WorkflowDefect",
    (_, state) => Effect.succeed(asState({ ...state, total: "many" }))
  ],
  "returns no state": ["failed WorkflowDefect", () => Effect.succeed(asState(undefined))],
  "mutates its state": [
    "failed WorkflowDefect",
    (_, state) => {
      Object.assign(state, { total: 1_000_000 })
      return Effect.succeed(state)
    }
  ],
  "mutates deep in its state": [
    "failed WorkflowDefect",
    (_, state) => {
      ;(state.list as Array<number>).push(2)
      return Effect.succeed(state)
    }
  ],
  "leaves fibers behind": [
    "succeeded",
    (_, state) => Effect.as(Effect.forkDetach(Effect.forever(Effect.sleep("1 second"))), state)
  ]
}

const siblings = 1000

describe("a hostile workflow harms its own activity only", () => {
  for (const [name, [outcome, handler]] of Object.entries(harms)) {
    const layer = Workflow.layer(Peer, {
      Add: ({ payload }, state) => {
        const total = state.total + payload.n
        return Workflow.reply({ ...state, total }, total)
      },
      Harm: handler
    }).pipe(Layer.provideMerge(RuntimeManager.layer), Layer.provide(RuntimeConfig.layer({ freezeState: true })))
    it.effect(`R5 one that ${name}, among ${siblings} siblings`, () =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const hostile = yield* manager.create(Peer, { id: "hostile" })
        const peers = yield* Effect.forEach(
          Array.from({ length: siblings }, (_, i) => i),
          (i) => manager.create(Peer, { id: `peer-${i}` })
        )
        yield* hostile.send(Add.make({ n: 1 }))
        const harm = yield* hostile.send(Harm.make())
        const after = yield* hostile.send(Add.make({ n: 1 }))
        for (const peer of peers) yield* peer.send(Add.make({ n: 1 }))
        // While the hostile one is at it.
        for (const peer of peers) assert.strictEqual(yield* peer.ask(Add.make({ n: 1 })), 2)
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("2 seconds")
        const receipt = yield* hostile.awaitReceipt(harm.activityId)
        const fate = receipt.error === undefined ? receipt.status : `${receipt.status} ${receipt.error._tag}`
        assert.strictEqual(fate, outcome)
        assert.strictEqual((yield* hostile.awaitReceipt(after.activityId)).reply, 2)
        assert.deepStrictEqual((yield* hostile.info).state, { total: 2, list: [1] })
        assert.strictEqual((yield* hostile.info).metrics.restarts, 0)
        yield* manager.terminate("hostile")
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("P4 a state that was committed a moment ago is frozen as well", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({
        state: { n: 0 },
        workflow: ({ type }, state) =>
          type === "tick" ? Effect.succeed({ n: state.n + 1 }) : Effect.sync(() => Object.assign(state, { n: 7 }))
      })
      yield* runtime.ask({ type: "tick" })
      assert.deepStrictEqual((yield* runtime.info).state, { n: 1 })
      yield* Effect.flip(runtime.ask({ type: "mutate" }))
      assert.deepStrictEqual((yield* runtime.info).state, { n: 1 })
    }).pipe(Effect.provide(RuntimeManager.layer.pipe(Layer.provide(RuntimeConfig.layer({ freezeState: true })))))
  )

  it.effect("P4 no workflow changes the first state of other runtimes, where states are not frozen either", () => {
    const Push = ActivityType.make("Push")
    const List = Agent.make("List", {
      state: Schema.Struct({ list: Schema.Array(Schema.Int) }),
      initialState: { list: [1] },
      activities: [Push]
    })
    const layer = Workflow.layer(List, {
      Push: (_, state) => Effect.sync(() => ((state.list as Array<number>).push(2), state))
    }).pipe(Layer.provideMerge(RuntimeManager.layer), Layer.provide(RuntimeConfig.layer({ freezeState: false })))
    return Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const hostile = yield* manager.create(List)
      yield* Effect.exit(hostile.ask(Push.make()))
      const later = yield* manager.create(List)
      assert.deepStrictEqual((yield* later.info).state, { list: [1] })
    }).pipe(Effect.provide(layer))
  })

  it.effect("P5 with onDefect `terminate` a defect ends the runtime, and nobody waits forever", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({
        state: 0,
        onDefect: "terminate",
        workflow: ({ type }, n) => (type === "die" ? Effect.die("defect") : Effect.succeed(n + 1))
      })
      yield* runtime.pause
      const reader = yield* runtime.subscribe().pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      const dying = yield* Effect.forkChild(Effect.flip(runtime.ask({ type: "die" })), { startImmediately: true })
      const queued = yield* Effect.forkChild(Effect.flip(runtime.ask({ type: "queued" })), { startImmediately: true })
      yield* runtime.resume
      assert.propertyVal(yield* Fiber.join(dying), "_tag", "WorkflowDefect")
      assert.propertyVal(yield* Fiber.join(queued), "_tag", "AgentRuntimeTerminated")
      assert.deepStrictEqual(
        (yield* Fiber.join(reader)).map((event) => event._tag),
        ["End"]
      )
      const manager = yield* RuntimeManager.RuntimeManager
      assert.strictEqual((yield* Effect.flip(manager.get(runtime.id)))._tag, "AgentRuntimeNotFound")
    }).pipe(Effect.provide(RuntimeManager.layer))
  )

  it.effect("P1 a payload that nests without end, or refers to itself, is refused", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({ state: 0, workflow: (_, n) => Effect.succeed(n) })
      const loop: Record<string, unknown> = {}
      loop.self = loop
      let deep: unknown = 0
      for (let i = 0; i < 10_000; i++) deep = [deep]
      for (const payload of [loop, deep, "x".repeat(2_000_000)]) {
        const refused = yield* Effect.flip(runtime.send({ type: "any", payload }))
        assert.strictEqual(refused._tag, "ActivityInvalid")
      }
    }).pipe(Effect.provide(RuntimeManager.layer))
  )
})
