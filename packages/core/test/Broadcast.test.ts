import { LocalRuntimes, RuntimeManager } from "@agent-runtime/core"
import type { AgentEvent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Scope, Stream } from "effect"

const processed = (events: ReadonlyArray<AgentEvent.AgentEvent>) =>
  events.flatMap((event) => (event._tag === "Processed" ? [event.type] : []))

const counting = Effect.gen(function* () {
  const local = yield* LocalRuntimes.LocalRuntimes
  return yield* local.create({ state: 0, workflow: (_, n) => Effect.succeed(n + 1) })
})

describe("a burst of events", () => {
  it.effect("B1 is not given to who subscribes after it was committed, though nobody has it yet", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const scope = yield* Effect.scope
      const source = yield* counting
      yield* source.subscription()
      const subscribed = yield* Deferred.make<Stream.Stream<AgentEvent.AgentEvent, unknown>, unknown>()
      const late = yield* local.create({
        state: 0,
        workflow: (_, n) => Effect.as(Deferred.into(Scope.provide(source.subscription(), scope), subscribed), n)
      })
      // Both run in one slice of the event loop, one after the other.
      source.sendUnsafe({ type: "before" })
      const { activityId } = yield* late.send({ type: "subscribe" })
      yield* late.awaitReceipt(activityId)
      yield* source.ask({ type: "after" })
      yield* source.terminate()
      const events = yield* Deferred.await(subscribed)
      assert.deepStrictEqual(processed(yield* Stream.runCollect(events)), ["after"])
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B1 is in every queue once the list of runtimes tells what came of it", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const manager = yield* RuntimeManager.RuntimeManager
      const source = yield* counting
      let queued = 0
      yield* source.subscription({ filter: () => ++queued > 0 })
      const looking = yield* local.create({
        state: [0, 0],
        workflow: () => Effect.map(manager.list({ status: "processing" }), ({ items }) => [items.length, queued])
      })
      // Both run in one slice of the event loop, one after the other.
      source.sendUnsafe({ type: "event" })
      assert.strictEqual((yield* source.info).status, "processing", "it is about to start")
      const { activityId } = yield* looking.send({ type: "look" })
      yield* looking.awaitReceipt(activityId)
      assert.deepStrictEqual((yield* looking.info).state, [1, 1])
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B1 is each subscriber's own: what comes later reaches every queue once", () =>
    Effect.gen(function* () {
      const source = yield* counting
      const streams = yield* Effect.replicateEffect(source.subscription(), 3)
      for (const type of ["1", "2", "3"]) yield* source.ask({ type })
      yield* source.terminate()
      for (const stream of streams) assert.deepStrictEqual(processed(yield* Stream.runCollect(stream)), ["1", "2", "3"])
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B4 longer than a queue leaves the newest and says how many are missing", () =>
    Effect.gen(function* () {
      const source = yield* counting
      const small = yield* source.subscription({ capacity: 2 })
      const large = yield* source.subscription()
      for (let i = 0; i < 5; i++) source.sendUnsafe({ type: `${i}` })
      yield* source.terminate()
      const events = yield* Stream.runCollect(small)
      assert.deepInclude(events[0], { _tag: "Gap", missed: 3, from: 1, to: 3 })
      assert.deepStrictEqual(processed(events), ["3", "4"])
      assert.deepStrictEqual(processed(yield* Stream.runCollect(large)), ["0", "1", "2", "3", "4"])
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B2 of any length arrives in order, and nothing waits outside the queues", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const emitted = Array.from({ length: 3000 }, (_, i) => i)
      const source = yield* local.create({
        state: 0,
        workflow: (_, n, context) =>
          Effect.sync(() => {
            for (const value of emitted) context.emitUnsafe(value)
            return n
          })
      })
      const stream = yield* source.subscription({ capacity: 4000 })
      yield* source.ask({ type: "burst" })
      assert.strictEqual((yield* source.info).subscribers[0]?.lag, 3001)
      yield* source.terminate()
      const values = (yield* Stream.runCollect(stream)).flatMap((_) => (_._tag === "Emitted" ? [_.value] : []))
      assert.deepStrictEqual(values, emitted)
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B2 is read once by who catches up with it before it is handed over", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const gate = yield* Deferred.make<void>()
      const source = yield* local.create({
        state: 0,
        workflow: ({ type }, n, { emit }) =>
          type === "first" ? Effect.succeed(n) : Effect.as(Effect.andThen(emit("half"), Deferred.await(gate)), n)
      })
      yield* source.ask({ type: "first" })
      const stream = yield* source.subscription({ from: "earliest" })
      const read = yield* Deferred.make<ReadonlyArray<AgentEvent.AgentEvent>, unknown>()
      const reader = yield* local.create({
        state: 0,
        workflow: (_, n) =>
          Stream.runCollect(stream).pipe(
            Deferred.into(read),
            Effect.forkDetach({ startImmediately: true }),
            Effect.as(n)
          )
      })
      // Both run in one slice of the event loop, one after the other.
      source.sendUnsafe({ type: "write" })
      const { activityId } = yield* reader.send({ type: "read" })
      yield* reader.awaitReceipt(activityId)
      yield* Deferred.succeed(gate, undefined)
      yield* source.terminate()
      const events = yield* Deferred.await(read)
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Processed", "Emitted", "Processed", "End"]
      )
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )

  it.effect("B4 counts as read: what is dropped after it names no sequence of it", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const source = yield* local.create({
        state: 0,
        workflow: ({ type }, n, context) => {
          if (type === "emit") for (let i = 0; i < 5; i++) context.emitUnsafe(i)
          return Effect.succeed(n)
        }
      })
      const stream = yield* source.subscription({ capacity: 3 })
      const first = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const reader = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.tap(stream, () => Effect.andThen(Deferred.succeed(first, undefined), Deferred.await(go)))
        )
      )
      yield* source.ask({ type: "first" })
      yield* Deferred.await(first)
      yield* source.ask({ type: "emit" })
      yield* source.terminate()
      yield* Deferred.succeed(go, undefined)
      const gap = (yield* Fiber.join(reader)).find(({ _tag }) => _tag === "Gap")
      assert.deepInclude(gap, { _tag: "Gap", missed: 3, from: 2, to: 1 })
    }).pipe(Effect.scoped, Effect.provide(RuntimeManager.layer))
  )
})
