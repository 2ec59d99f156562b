import { RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, Receipt } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Result, Schema, Stream } from "effect"
import { Census, noRuntimes } from "./support/Census.ts"
import { type Dice, rounds } from "./support/Rounds.ts"

const Add = ActivityType.make("Add", { payload: { yields: Schema.Int } })
const Override = ActivityType.make("Override", {
  payload: { yields: Schema.Int },
  overlap: { interrupt: "supersede" }
})
const Preempt = ActivityType.make("Preempt", { payload: { yields: Schema.Int }, overlap: { interrupt: "requeue" } })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Override, Preempt] })

/** Counts what succeeds, after so many yields; with none the workflow ends in the step in which it starts. */
const count = ({ payload }: { readonly payload: { readonly yields: number } }, n: number): Effect.Effect<number> => {
  let effect: Effect.Effect<void> = Effect.void
  for (let i = payload.yields; i > 0; i--) effect = Effect.andThen(effect, Effect.yieldNow)
  return payload.yields === 0 ? Effect.succeed(n + 1) : Effect.as(effect, n + 1)
}
const SumLayer = Workflow.layer(Sum, { Add: count, Override: count, Preempt: count })

const add = (dice: Dice) => Add.make({ yields: dice.roll(4) })

const times = 2000

/** A race on a manager of its own, after which nothing is left. */
const race = (
  title: string,
  body: (dice: Dice, round: number) => Effect.Effect<void, unknown, RuntimeManager.RuntimeManager>,
  config: Parameters<typeof RuntimeConfig.layer>[0] = {}
) =>
  it.live(`${title} (${times} rounds)`, () => {
    const census = new Census()
    const layer = SumLayer.pipe(
      Layer.provideMerge(RuntimeManager.layer),
      Layer.provide(Layer.merge(RuntimeConfig.layer(config), census.layer))
    )
    return Effect.gen(function* () {
      yield* rounds(times, (dice, round) => Effect.asVoid(body(dice, round)))
      yield* noRuntimes
      yield* census.expect(0)
      assert.isAbove(census.started, 0, "fibers were counted")
    }).pipe(Effect.provide(layer), Effect.provideService(Metric.FiberRuntimeMetrics, undefined))
  })

describe("races", () => {
  race("R1 create against create: one wins", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const id = `r${round}`
      const results = yield* Effect.all(
        [0, 1, 2].map((i) =>
          Effect.andThen(
            dice.yields,
            Effect.result(i === 2 ? manager.getOrCreate(Sum, { id }) : manager.create(Sum, { id }))
          )
        ),
        { concurrency: "unbounded" }
      )
      const epochs = new Set(results.filter(Result.isSuccess).map(({ success }) => success.epoch))
      assert.strictEqual(epochs.size, 1)
      for (const result of results) {
        if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "AgentRuntimeAlreadyExists")
      }
      const plain = results.slice(0, 2).filter(Result.isSuccess).length
      assert.isTrue(plain === 1 || (plain === 0 && Result.isSuccess(results[2]!)))
      // The others start a workflow: a fiber, so that the census has something to count.
      const runtime = yield* manager.get(Sum, id)
      yield* runtime.ask(Add.make({ yields: 1 }))
      yield* manager.terminate(id, { mode: dice.roll(2) === 0 ? "drain" : "immediate" })
    })
  )

  race("R3 create against terminate: each life has its own epoch, and the last one stands", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const id = `r${round}`
      const first = yield* manager.create(Sum, { id })
      yield* first.send(Add.make({ yields: dice.roll(3) }))
      const mode = dice.roll(2) === 0 ? "drain" : "immediate"
      const [, second, third] = yield* Effect.all(
        [
          Effect.andThen(dice.yields, Effect.result(manager.terminate(id, { mode }))),
          Effect.andThen(dice.yields, Effect.result(manager.create(Sum, { id }))),
          Effect.andThen(dice.yields, Effect.result(manager.getOrCreate(Sum, { id })))
        ],
        { concurrency: "unbounded" }
      )
      if (Result.isSuccess(third)) {
        const epochs = [first.epoch, ...(Result.isSuccess(second) ? [second.success.epoch] : []), third.success.epoch]
        const alive = yield* Effect.result(manager.get(Sum, id))
        if (Result.isSuccess(alive)) assert.strictEqual(alive.success.epoch, Math.max(...epochs))
        if (Result.isSuccess(second)) assert.isAbove(second.success.epoch, first.epoch)
      }
      const refused = yield* Effect.flip(first.send(Add.make({ yields: 0 })))
      assert.strictEqual(refused._tag, "AgentRuntimeTerminated")
      yield* Effect.ignore(manager.terminate(id))
    })
  )

  race("R2 send against terminate: each accepted activity has a final receipt, each ask an end", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: `r${round}` })
      const mode = dice.roll(2) === 0 ? "drain" : "immediate"
      const send = Effect.gen(function* () {
        yield* dice.yields
        const options = dice.roll(4) === 0 ? { deliverAt: 8e12 } : undefined
        return yield* Effect.result(runtime.send(add(dice), options))
      })
      const ask = Effect.andThen(dice.yields, Effect.result(runtime.ask(add(dice))))
      const [sends, asks] = yield* Effect.all(
        [
          Effect.all([send, send, send, send], { concurrency: "unbounded" }),
          Effect.all([ask, ask], { concurrency: "unbounded" }),
          Effect.andThen(dice.yields, runtime.terminate({ mode }))
        ],
        { concurrency: "unbounded" }
      )
      let succeeded = 0
      for (const result of sends) {
        if (Result.isFailure(result)) {
          assert.strictEqual(result.failure._tag, "AgentRuntimeTerminated")
          continue
        }
        const receipt = yield* runtime.receipt(result.success.activityId)
        assert.isFalse(Receipt.isPending(receipt), receipt.status)
        assert.isDefined(receipt.sequence)
        if (receipt.status === "succeeded") succeeded++
        else if (receipt.status === "failed") {
          assert.strictEqual(receipt.error?._tag, "AgentRuntimeTerminated")
          assert.strictEqual(mode, "immediate")
        } else assert.strictEqual(receipt.status, "cancelled")
      }
      for (const result of asks) {
        if (Result.isSuccess(result)) succeeded++
        else assert.strictEqual(result.failure._tag, "AgentRuntimeTerminated")
      }
      assert.strictEqual((yield* runtime.info).state, succeeded)
    })
  )

  race("B5 subscribe against send: no gap, no duplicate, wherever it starts", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: `r${round}` })
      const before = dice.roll(4)
      for (let i = 0; i < before; i++) yield* runtime.send(add(dice))
      const read = Effect.gen(function* () {
        yield* dice.yields
        const from = dice.roll(2) === 0 ? "earliest" : "latest"
        const floor = from === "earliest" ? 0 : (yield* runtime.info).sequence
        const events = yield* runtime.subscription({ from })
        const slow = dice.roll(2) === 0
        const seen = yield* events.pipe(
          Stream.tap(() => (slow ? dice.yields : Effect.void)),
          Stream.runCollect
        )
        const sequences = seen.flatMap((event) => (event._tag === "Processed" ? [event.sequence] : []))
        assert.deepStrictEqual(
          sequences,
          sequences.map((_, i) => floor + 1 + i)
        )
        assert.strictEqual(floor + sequences.length, (yield* runtime.info).sequence)
        assert.strictEqual(seen.at(-1)?._tag, "End")
        assert.strictEqual(seen.length, sequences.length + 1)
      }).pipe(Effect.scoped)
      const readers = yield* Effect.forkChild(Effect.all([read, read, read], { concurrency: "unbounded" }), {
        startImmediately: true
      })
      for (let i = 0; i < 6; i++) yield* Effect.andThen(runtime.send(add(dice)), dice.yields)
      // So that none subscribes after the end.
      for (let i = 0; i < 4; i++) yield* Effect.yieldNow
      yield* runtime.terminate()
      yield* Fiber.join(readers)
    })
  )

  race("P11 cancel against start: cancelled or processed, never both", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: `r${round}` })
      const ids = ["a", "b", "c"]
      for (const id of ids) yield* runtime.send(add(dice), { id })
      const receipts = yield* Effect.forEach(ids, (id) => Effect.andThen(dice.yields, runtime.cancel(id)), {
        concurrency: dice.roll(2) === 0 ? 1 : "unbounded"
      })
      let succeeded = 0
      for (const receipt of receipts) {
        if (receipt.status === "succeeded") succeeded++
        else assert.strictEqual(receipt.status, "cancelled")
      }
      const info = yield* runtime.info
      assert.strictEqual(info.state, succeeded)
      assert.strictEqual(info.sequence, ids.length)
      assert.strictEqual(info.metrics.cancelled, ids.length - succeeded)
      yield* runtime.terminate()
    })
  )

  race("P7 interrupt against commit: superseded or committed, never both, never neither", (dice, round) =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: `r${round}` })
      const reader = yield* runtime
        .subscribe({ outcomes: ["processed", "failed"] })
        .pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      const yields = dice.roll(4)
      const ids: Array<string> = []
      for (let i = 0; i < 4; i++) {
        const kinds = [Add, Override, Preempt] as const
        const receipt = yield* runtime.send(kinds[dice.roll(3)]!.make({ yields }))
        ids.push(receipt.activityId)
        yield* dice.yields
      }
      const receipts = yield* Effect.forEach(ids, (id) => runtime.awaitReceipt(id))
      const succeeded = receipts.filter(({ status }) => status === "succeeded").length
      assert.strictEqual(receipts.filter(({ status }) => status === "superseded").length, ids.length - succeeded)
      assert.strictEqual((yield* runtime.info).state, succeeded)
      yield* runtime.terminate()
      const events = yield* Fiber.join(reader)
      const ended = events.flatMap((event) => ("activityId" in event ? [event.activityId] : []))
      assert.deepStrictEqual([...ended].sort(), [...ids].sort(), "one event each")
    })
  )

  race(
    "P13 suspended senders against interruption: accepted or interrupted, and no place is lost",
    (dice, round) =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Sum, { id: `r${round}` })
        const senders: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let i = 0; i < 6; i++) {
          senders.push(yield* Effect.forkChild(runtime.send(add(dice), { id: `s${i}` }), { startImmediately: true }))
        }
        for (const sender of senders) {
          yield* dice.yields
          if (dice.roll(2) === 0) yield* Fiber.interrupt(sender)
        }
        yield* Fiber.awaitAll(senders)
        yield* runtime.pause
        const waiting = (yield* runtime.info).mailbox.lanes.standard.size
        for (let i = waiting; i < 2; i++) yield* runtime.send(add(dice))
        assert.strictEqual((yield* runtime.info).mailbox.lanes.standard.size, 2, "no place is lost")
        yield* runtime.terminate()
      }),
    { mailboxCapacity: 2, mailboxStrategy: "suspend" }
  )
})
