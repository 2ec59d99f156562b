import { RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentError } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Latch, Layer, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

const Say = ActivityType.make("Say", { payload: { word: Schema.String } })
const Refused = Schema.TaggedStruct("Refused", {})
const Waver = ActivityType.make("Waver", { error: Refused, retry: Schedule.recurs(1) })
const Talker = Agent.make("Talker", {
  state: Schema.Int,
  initialState: 0,
  activities: [Say, Waver],
  emits: Schema.String
})

const TalkerLayer = Workflow.layer(Talker, {
  Say: ({ payload }, said, context) => Effect.as(context.emit(payload.word), said + 1),
  Waver: ({ attempts }, said) => (attempts === 1 ? Effect.fail(Refused.make({})) : Effect.succeed(said))
})

type Store = RuntimeStore.RuntimeStore["Service"]

/** A store that is held up at what the test says, until it is let go. */
const slow = (holdsUp: (change: RuntimeStore.Change) => boolean, instead?: RuntimeStore.WriteExit) => {
  const reached = Latch.makeUnsafe()
  const committed = Latch.makeUnsafe()
  const store = Layer.effect(
    RuntimeStore.RuntimeStore,
    Effect.map(Layer.build(RuntimeStore.layerMemory), (built) => {
      const inner = Context.get(built, RuntimeStore.RuntimeStore)
      return {
        ...inner,
        write: (writes) => {
          const write = inner.write(writes)
          if (!writes.some(({ change }) => holdsUp(change))) return write
          return reached.open.pipe(
            Effect.andThen(committed.await),
            Effect.andThen(instead === undefined ? write : Effect.succeed(writes.map(() => instead)))
          )
        }
      } satisfies Store
    })
  )
  const layer = TalkerLayer.pipe(Layer.provideMerge(RuntimeManager.layerDurable), Layer.provide(store))
  const commit = committed.open
  /** Lets it go in any case, for a manager waits for it when its scope closes. */
  const provide = <A, E>(run: Effect.Effect<A, E, RuntimeManager.RuntimeManager>) =>
    Effect.provide(Effect.ensuring(run, commit), layer)
  return { reached: reached.await, commit, provide }
}

const isEnd = (change: RuntimeStore.Change): boolean => change.append !== undefined

it.effect("R4 a runtime is processing until the end of its activity is written", () => {
  const { commit, provide, reached } = slow(isEnd)
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Talker)
    const answer = yield* Effect.forkChild(runtime.ask(Say.make({ word: "hello" })), { startImmediately: true })
    yield* reached
    const seen = Effect.map(runtime.info, ({ metrics, state, status }) => [status, metrics.inFlight, state])
    const processing = Effect.map(manager.list({ status: "processing" }), ({ items }) => items.length)
    assert.deepStrictEqual([yield* seen, yield* processing], [["processing", 1, 0], 1])
    yield* commit
    yield* Fiber.join(answer)
    assert.deepStrictEqual([yield* seen, yield* processing], [["idle", 0, 1], 0])
  }).pipe(Effect.scoped, provide)
})

it.effect("R4 a runtime is processing until the return of what it tries again is written", () => {
  const { commit, provide, reached } = slow((change) => change.update !== undefined)
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Talker)
    const { activityId } = yield* runtime.send(Waver.make())
    yield* reached
    assert.strictEqual((yield* runtime.info).status, "processing")
    assert.strictEqual((yield* runtime.receipt(activityId)).status, "accepted")
    yield* commit
    assert.strictEqual((yield* runtime.awaitReceipt(activityId)).attempts, 2)
    assert.strictEqual((yield* runtime.info).status, "idle")
  }).pipe(Effect.scoped, provide)
})

it.effect("B2 a subscription that starts while the end is being written gets what was emitted, then the end", () => {
  const { commit, provide, reached } = slow(isEnd)
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Talker)
    yield* runtime.send(Say.make({ word: "hello" }))
    // Its start is written with the end of the one before, and it has not said anything yet.
    yield* runtime.send(Say.make({ word: "again" }))
    yield* reached
    const events = yield* runtime.subscription()
    yield* commit
    yield* runtime.terminate()
    const seen = yield* Stream.runCollect(events)
    assert.deepStrictEqual(
      seen.map((event) => (event._tag === "Emitted" ? event.value : event._tag)),
      ["hello", "Processed", "again", "Processed", "End"]
    )
  }).pipe(Effect.scoped, provide)
})

it.effect("R2 D3 who waits for an activity whose end cannot be written any more is told", () => {
  const { commit, provide, reached } = slow(
    isEnd,
    Exit.fail(new RuntimeStore.RuntimeFenced({ id: "talker", message: "taken over" }))
  )
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Talker, { id: "talker" })
    const answer = yield* Effect.forkChild(Effect.flip(runtime.ask(Say.make({ word: "hello" }))), {
      startImmediately: true
    })
    yield* reached
    yield* commit
    yield* Stream.runDrain(runtime.changes)
    yield* TestClock.adjust("1 second")
    assert.isDefined(answer.pollUnsafe(), "it still waits")
    assert.instanceOf(yield* Fiber.join(answer), AgentError.StoreUnavailable)
  }).pipe(Effect.scoped, provide)
})
