import { LocalRuntimes, RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import * as Workflow from "@agent-runtime/core/Workflow"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"

type Config = Parameters<typeof RuntimeConfig.layer>[0]

const withConfig = (config: Config) => RuntimeManager.layer.pipe(Layer.provide(RuntimeConfig.layer(config)))

/** A runtime that notes what it processes, held up until `resume`. */
const paused = Effect.gen(function* () {
  const local = yield* LocalRuntimes.LocalRuntimes
  const seen: Array<string> = []
  const runtime = yield* local.create({
    state: 0,
    workflow: (activity, n) => {
      seen.push(activity.type)
      return Effect.succeed(n + 1)
    }
  })
  yield* runtime.pause
  return { runtime, seen }
})

const early = { startImmediately: true } as const

describe("the runtime's mailbox", () => {
  it.effect("P13 with `suspend` senders wait in order, and nobody overtakes them", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      yield* runtime.send({ type: "0" })
      const senders: Array<Fiber.Fiber<unknown, unknown>> = []
      for (const type of ["1", "2", "3"]) senders.push(yield* Effect.forkChild(runtime.send({ type }), early))
      yield* runtime.resume
      // Sent in the very step in which the first makes room.
      senders.push(yield* Effect.forkChild(runtime.send({ type: "4" }), early))
      yield* Fiber.awaitAll(senders)
      yield* runtime.terminate()
      assert.deepStrictEqual(seen, ["0", "1", "2", "3", "4"])
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  it.effect("P13 with `suspend` a sender of one lane does not wait for another lane", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      const urgent = { priority: "urgent" } as const
      yield* runtime.send({ type: "standard" }, { id: "s" })
      yield* runtime.send({ type: "urgent" }, { ...urgent, id: "u" })
      const first = yield* Effect.forkChild(runtime.send({ type: "standard 2" }), early)
      const second = yield* Effect.forkChild(runtime.send({ type: "urgent 2" }, urgent), early)
      yield* runtime.cancel("u")
      const receipt = yield* Fiber.join(second)
      assert.strictEqual(receipt.status, "accepted")
      assert.isUndefined(first.pollUnsafe())
      yield* runtime.resume
      yield* Fiber.join(first)
      yield* runtime.terminate()
      assert.deepStrictEqual(seen, ["urgent 2", "standard", "standard 2"])
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  it.effect(
    "P13 with `suspend` an interrupted sender leaves its place to the next, and its activity is never seen",
    () =>
      Effect.gen(function* () {
        const { runtime, seen } = yield* paused
        yield* runtime.send({ type: "0" })
        const first = yield* Effect.forkChild(runtime.send({ type: "1" }), early)
        const second = yield* Effect.forkChild(runtime.send({ type: "2" }), early)
        yield* Fiber.interrupt(first)
        yield* runtime.resume
        yield* Fiber.join(second)
        yield* runtime.terminate()
        assert.deepStrictEqual(seen, ["0", "2"])
      }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  it.effect("R2 with `suspend` a terminate lets no sender wait", () =>
    Effect.gen(function* () {
      const { runtime } = yield* paused
      yield* runtime.send({ type: "0" })
      const waiting = yield* Effect.forkChild(Effect.flip(runtime.send({ type: "1" })), early)
      yield* runtime.terminate({ mode: "immediate" })
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "AgentRuntimeTerminated")
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  it.effect("R2 with `suspend` a terminate tells as many senders as there are", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({ state: 0, workflow: () => Effect.never })
      for (let i = 0; i < 2; i++) yield* runtime.send({ type: "a" })
      const senders = yield* Effect.forEach(Array.from({ length: 20_000 }), () =>
        Effect.forkChild(Effect.flip(runtime.send({ type: "a" })), { startImmediately: true })
      )
      yield* Effect.forkChild(runtime.terminate({ mode: "immediate" }), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(senders.filter((sender) => sender.pollUnsafe() === undefined).length, 0)
      const errors = yield* Effect.forEach(senders, Fiber.join)
      assert.isTrue(errors.every(({ _tag }) => _tag === "AgentRuntimeTerminated"))
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  for (const [how, overlap] of [
    ["under one id", "enqueue"],
    ["and replace each other", "coalesce"]
  ] as const) {
    it.effect(`P13 with \`suspend\` any number of senders wait ${how}`, () => {
      const Fill = ActivityType.make("Fill")
      const Say = ActivityType.make("Say", { overlap })
      const Talker = Agent.make("Talker", { state: Schema.Int, initialState: 0, activities: [Fill, Say] })
      return Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Talker)
        yield* runtime.pause
        for (let i = 0; i < 2; i++) yield* runtime.send(Fill.make())
        const options = overlap === "enqueue" ? { id: "same" } : {}
        const senders = yield* Effect.forEach(Array.from({ length: 20_000 }), () =>
          Effect.forkChild(runtime.send(Say.make(), options), early)
        )
        yield* runtime.resume
        yield* Effect.forEach(senders, Fiber.join)
        yield* runtime.ask(Say.make())
        assert.strictEqual((yield* runtime.info).state, 2)
      }).pipe(
        Effect.provide(
          Workflow.layer(Talker, { Fill: (_, n) => Effect.succeed(n), Say: (_, n) => Effect.succeed(n + 1) }).pipe(
            Layer.provideMerge(withConfig({ mailboxCapacity: 2, mailboxStrategy: "suspend" }))
          )
        )
      )
    })
  }

  it.effect("P3 with `suspend` an ask that is interrupted as it gets its place is cancelled, if it was asked to", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      yield* runtime.send({ type: "0" }, { id: "first" })
      const ask = runtime.ask({ type: "1" }, { id: "given-up", cancelOnInterrupt: true })
      const asking = yield* Effect.forkChild(ask, early)
      yield* Effect.forkChild(runtime.cancel("first"), early)
      yield* Fiber.interrupt(asking)
      yield* runtime.resume
      yield* runtime.terminate()
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))
  )

  it.effect("P13 with `sliding` the oldest of the lane goes, and its receipt says by whom", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      const oldest = yield* runtime.send({ type: "0" })
      yield* runtime.send({ type: "1" })
      const newest = yield* runtime.send({ type: "2" })
      const receipt = yield* runtime.receipt(oldest.activityId)
      assert.strictEqual(receipt.status, "superseded")
      assert.strictEqual(receipt.error?.by, newest.activityId)
      yield* runtime.resume
      yield* runtime.terminate()
      assert.deepStrictEqual(seen, ["1", "2"])
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: 2, mailboxStrategy: "sliding" })))
  )

  it.effect("M2 no lane starves: with maxSkips 2 a background activity is served by the fourth take", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      yield* runtime.send({ type: "background" }, { priority: "background" })
      for (let i = 0; i < 6; i++) yield* runtime.send({ type: `urgent ${i}` }, { priority: "urgent" })
      yield* runtime.resume
      yield* runtime.terminate()
      assert.strictEqual(seen.indexOf("background"), 2)
    }).pipe(Effect.provide(withConfig({ maxSkips: 2 })))
  )

  it.effect("M2 from rest, with 8 skips, standard is served by the 9th take and background by the 10th", () =>
    Effect.gen(function* () {
      const { runtime, seen } = yield* paused
      yield* runtime.send({ type: "background" }, { priority: "background" })
      yield* runtime.send({ type: "standard" })
      for (let i = 0; i < 20; i++) yield* runtime.send({ type: "urgent" }, { priority: "urgent" })
      yield* runtime.resume
      yield* runtime.terminate()
      assert.deepStrictEqual([seen.indexOf("standard"), seen.indexOf("background")], [8, 9])
    }).pipe(Effect.provide(RuntimeManager.layer))
  )

  it.effect("P13 each lane has its own capacity, and what is held back takes a place of its lane", () =>
    Effect.gen(function* () {
      const { runtime } = yield* paused
      yield* runtime.send({ type: "delayed" }, { deliverAt: 8e12 })
      const full = yield* Effect.flip(runtime.send({ type: "standard" }))
      assert.strictEqual(full._tag, "MailboxFull")
      for (let i = 0; i < 3; i++) yield* runtime.send({ type: "urgent" }, { priority: "urgent" })
      const lanes = (yield* runtime.info).mailbox.lanes
      assert.deepStrictEqual([lanes.urgent.capacity, lanes.standard.capacity, lanes.background.capacity], [3, 1, 2])
    }).pipe(Effect.provide(withConfig({ mailboxCapacity: { urgent: 3, standard: 1, background: 2 } })))
  )

  const Latest = ActivityType.make("Latest", { payload: { n: Schema.Int }, overlap: "coalesce" })
  const Other = ActivityType.make("Other")
  const Lanes = Agent.make("Lanes", { state: Schema.Int, initialState: 0, activities: [Latest, Other] })
  const LanesLayer = Workflow.layer(Lanes, {
    Latest: ({ payload }) => Effect.succeed(payload.n),
    Other: (_, n) => Effect.succeed(n)
  })

  it.effect("P13 what is coalesced into another lane needs room there", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Lanes)
      yield* runtime.pause
      const first = yield* runtime.send(Latest.make({ n: 1 }))
      yield* runtime.send(Other.make(), { priority: "urgent" })
      const full = yield* Effect.flip(runtime.send(Latest.make({ n: 2 }), { priority: "urgent" }))
      assert.strictEqual(full._tag, "MailboxFull")
      assert.strictEqual((yield* runtime.receipt(first.activityId)).status, "accepted")
    }).pipe(Effect.provide(LanesLayer.pipe(Layer.provideMerge(withConfig({ mailboxCapacity: 1 })))))
  )

  const suspending = LanesLayer.pipe(Layer.provideMerge(withConfig({ mailboxCapacity: 1, mailboxStrategy: "suspend" })))

  it.effect("P13 what is coalesced keeps the place of what it replaces: no sender that waits gets it", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Lanes)
      yield* runtime.pause
      yield* runtime.send(Latest.make({ n: 1 }))
      yield* Effect.forkChild(runtime.send(Other.make()), early)
      yield* runtime.send(Latest.make({ n: 2 }))
      assert.strictEqual((yield* runtime.info).mailbox.lanes.standard.size, 1)
    }).pipe(Effect.provide(suspending))
  )

  it.effect("P9 an id is taken before what it replaces makes room for a sender with the same id", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Lanes)
      yield* runtime.pause
      yield* runtime.send(Latest.make({ n: 1 }))
      const waiting = yield* Effect.forkChild(Effect.flip(runtime.send(Other.make(), { id: "key" })), early)
      yield* runtime.send(Latest.make({ n: 2 }), { id: "key", priority: "urgent" })
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "ActivityConflict")
    }).pipe(Effect.provide(suspending))
  )

  for (const [what, ids] of [
    ["P9 an activity that was accepted meanwhile", ["key", "key"]],
    ["P7 what is coalesced", ["one", "other"]]
  ] as const) {
    it.effect(`P13 ${what} keeps no second place`, () =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Lanes)
        yield* runtime.pause
        yield* runtime.send(Other.make())
        yield* runtime.send(Other.make())
        const senders: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const id of ids) senders.push(yield* Effect.forkChild(runtime.send(Latest.make({ n: 1 }), { id }), early))
        yield* runtime.resume
        yield* Fiber.awaitAll(senders)
        for (const id of ids) yield* runtime.awaitReceipt(id)
        yield* runtime.pause
        for (let n = 0; n < 2; n++) yield* Effect.forkChild(runtime.send(Other.make()), early)
        assert.strictEqual((yield* runtime.info).mailbox.lanes.standard.size, 2)
      }).pipe(
        Effect.provide(
          LanesLayer.pipe(Layer.provideMerge(withConfig({ mailboxCapacity: 2, mailboxStrategy: "suspend" })))
        )
      )
    )
  }
})
