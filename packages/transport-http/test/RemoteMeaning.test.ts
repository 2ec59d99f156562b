import { LocalRuntimes, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentRuntimeId } from "@agent-runtime/schema"
import { HttpRuntimeManager } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Latch, Layer, Schema, Stream } from "effect"
import { HttpServer } from "effect/http"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Hold = ActivityType.make("Hold")
const Die = ActivityType.make("Die", { payload: { big: Schema.BigInt } })
const Sum = Agent.make("Sum", { state: Schema.Int, initialState: 0, activities: [Add, Hold, Die] })
const Say = ActivityType.make("Say", { payload: { what: Schema.String }, success: Schema.Unknown })
const SayAny = ActivityType.make("SayAny", { success: Schema.Any })
const Loose = Agent.make("Loose", { state: Schema.Any, initialState: 1n, activities: [Say, SayAny] })
const Secure = Schema.String.check(Schema.makeFilter((text: string) => new URL(text).protocol === "https:"))
const Visit = ActivityType.make("Visit", { payload: { url: Secure }, success: Secure })
const Fussy = Agent.make("Fussy", {
  state: Schema.Struct({ home: Secure }),
  initialState: { home: "https://home" },
  activities: [Visit]
})
const said: Readonly<Record<string, unknown>> = { json: { a: 1 }, map: new Map([["a", 1]]), bigint: 7n }

type Manager = RuntimeManager.RuntimeManager["Service"]
class Remote extends Context.Service<Remote, Manager>()("Remote") {}
class Gate extends Context.Service<Gate, Latch.Latch>()("Gate") {}

const served = (runtimes: typeof RuntimeManager.layer) =>
  Layer.unwrap(
    Effect.map(Gate, (gate) =>
      NodeAgentApiServer.layer({ port: 0 }).pipe(
        Layer.provideMerge(
          Workflow.layer(Sum, {
            Add: ({ payload }, total) => Effect.succeed(total + payload.n),
            Hold: (_, total) => Effect.as(gate.await, total),
            Die: () => Effect.die("died")
          })
        ),
        Layer.provideMerge(
          Workflow.layer(Loose, {
            Say: ({ payload }, state) => Workflow.reply(state, said[payload.what]),
            SayAny: (_, state) => Workflow.reply(state, 7n)
          })
        ),
        Layer.provideMerge(
          Workflow.layer(Fussy, {
            Visit: ({ payload }, state) => Workflow.reply(state, payload.url.replace("https://", ""))
          })
        ),
        Layer.provideMerge(runtimes)
      )
    )
  ).pipe(Layer.provideMerge(Layer.sync(Gate, () => Latch.makeUnsafe())))

const on = (runtimes: typeof RuntimeManager.layer) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, ({ address }) =>
      Layer.effect(
        Remote,
        Effect.map(
          Effect.scoped(
            Layer.build(
              HttpRuntimeManager.layer({ baseUrl: HttpServer.formatAddress(address), agents: [Sum, Loose, Fussy] })
            )
          ),
          Context.get(RuntimeManager.RuntimeManager)
        )
      )
    )
  ).pipe(Layer.provideMerge(served(runtimes)))
const layer = on(RuntimeManager.layer)

/** Here and there. */
const both = Effect.all([RuntimeManager.RuntimeManager, Remote])

describe("what an operation means is the same over HTTP", () => {
  it.live("R1 getOrCreate waits for the end of one that ends", () =>
    Effect.gen(function* () {
      const gate = yield* Gate
      for (const manager of yield* both) {
        yield* gate.close
        const first = yield* manager.create(Sum, { id: "sum" })
        yield* first.send(Hold.make())
        const ending = yield* Effect.forkChild(first.terminate(), { startImmediately: true })
        yield* Stream.runDrain(Stream.takeUntil(first.changes, ({ status }) => status === "draining"))
        const next = yield* Effect.forkChild(manager.getOrCreate(Sum, { id: "sum" }), { startImmediately: true })
        // It has been answered by then, if it does not wait.
        yield* Effect.replicateEffect(first.info, 20)
        yield* gate.open
        assert.isAbove((yield* Fiber.join(next)).epoch, first.epoch)
        yield* Fiber.join(ending)
        yield* manager.terminate("sum")
      }
    }).pipe(Effect.provide(layer))
  )

  for (const none of [{ types: [] }, { priorities: [] }, { outcomes: [] }]) {
    it.live(`B6 of no ${Object.keys(none).join()} comes nothing`, () =>
      Effect.gen(function* () {
        for (const manager of yield* both) {
          const runtime = yield* manager.create(Sum)
          const events = yield* runtime.subscription(none)
          yield* runtime.ask(Add.make({ n: 1 }))
          yield* runtime.terminate()
          assert.deepStrictEqual(
            (yield* Stream.runCollect(events)).map(({ _tag }) => _tag),
            ["End"]
          )
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }

  it.live("P1 R7 a check that throws says that a value does not fit, and tells no stack", () =>
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const post = (path: string, body: unknown) =>
        Effect.promise(async () => {
          const answer = await fetch(`${HttpServer.formatAddress(address)}/v1/runtimes${path}`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body)
          })
          return { status: answer.status, text: await answer.text() }
        })
      for (const [i, manager] of (yield* both).entries()) {
        const runtime = yield* manager.create(Fussy, { id: `fussy-${i}` })
        const told = [
          yield* Effect.flip(manager.create(Fussy, { state: { home: "nowhere" } })),
          yield* Effect.flip(runtime.send({ ...Visit.make({ url: "https://a" }), payload: { url: "nowhere" } })),
          yield* Effect.flip(runtime.ask(Visit.make({ url: "https://a" })))
        ]
        assert.deepStrictEqual(
          told.map(({ _tag }) => _tag),
          ["RequestInvalid", "ActivityInvalid", "WorkflowDefect"]
        )
        for (const { message } of told) assert.notMatch(message, /\n|\.ts|adapter/)
        assert.strictEqual((yield* runtime.info).metrics.restarts, 0)
      }
      const raw = [
        yield* post("", { agent: "Fussy", state: { home: "nowhere" } }),
        yield* post("/fussy-0/activities", { type: "Visit", payload: { url: "nowhere" } })
      ]
      for (const { status, text } of raw) {
        assert.strictEqual(status, 400)
        assert.include(text, "Invalid URL")
        assert.notMatch(text, /\.ts|node_modules/)
      }
    }).pipe(Effect.provide(layer))
  )

  it.live("D5 what cannot be read can be given up, where that is asked for", () =>
    Effect.gen(function* () {
      const stored = yield* Layer.build(RuntimeStore.layerMemory)
      const store = Context.get(stored, RuntimeStore.RuntimeStore)
      const durable = RuntimeManager.layerDurable.pipe(Layer.provide(Layer.succeedContext(stored)))
      yield* Effect.gen(function* () {
        for (const [i, manager] of (yield* both).entries()) {
          const id = AgentRuntimeId.AgentRuntimeId.make(`unreadable-${i}`)
          const info = { paused: false, failing: false }
          yield* store.create({ id, agent: "Sum", epoch: 1, state: "no number", version: 1, info })
          assert.strictEqual((yield* Effect.flip(manager.get(Sum, id)))._tag, "StateUnreadable")
          const [listed] = (yield* manager.list({ prefix: id })).items
          assert.deepStrictEqual([listed?.status, listed?.state], ["error", "no number"])
          assert.strictEqual((yield* Effect.flip(manager.terminate(id)))._tag, "StateUnreadable")
          yield* manager.terminate(id, { mode: "immediate" })
          yield* manager.purge(id)
          assert.strictEqual((yield* Effect.flip(manager.get(Sum, id)))._tag, "AgentRuntimeNotFound")
        }
      }).pipe(Effect.provide(on(durable)))
    }).pipe(Effect.scoped)
  )

  it.live("P1 a payload beyond what is taken, here or by the server's body, is refused as invalid", () =>
    Effect.gen(function* () {
      const words = ["x".repeat(2_000_000)]
      for (const manager of yield* both) {
        const runtime = yield* manager.create(Loose)
        const big = { ...Say.make({ what: "json" }), payload: { what: words[0]! } }
        assert.strictEqual((yield* Effect.flip(runtime.send(big)))._tag, "ActivityInvalid")
        const error = yield* Effect.flip(runtime.ask(big))
        assert.strictEqual(error._tag, "ActivityInvalid")
      }
      const [, remote] = yield* both
      assert.strictEqual((yield* Effect.flip(remote.create(Loose, { state: words })))._tag, "RequestInvalid")
    }).pipe(Effect.provide(layer))
  )

  it.live("what cannot be is refused in the same way", () =>
    Effect.gen(function* () {
      for (const manager of yield* both) {
        const runtime = yield* manager.create(Sum)
        const wire = yield* manager.get(runtime.id)
        assert.deepStrictEqual(
          [
            (yield* Effect.flip(wire.send({ type: "Add", payload: { n: 1n } })))._tag,
            (yield* Effect.flip(runtime.receipt("bad id")))._tag,
            (yield* Effect.flip(runtime.awaitReceipt("bad id")))._tag,
            (yield* Effect.flip(runtime.cancel("bad id")))._tag,
            (yield* Effect.flip(runtime.replay("bad id")))._tag,
            (yield* Effect.flip(runtime.discard("bad id")))._tag,
            (yield* Effect.flip(manager.purge("bad id")))._tag
          ],
          [
            "ActivityInvalid",
            "ActivityNotFound",
            "ActivityNotFound",
            "ActivityNotFound",
            "ActivityNotFound",
            "ActivityNotFound",
            "AgentRuntimeNotFound"
          ]
        )
        assert.isTrue(Exit.hasDies(yield* Effect.exit(Effect.scoped(runtime.subscription({ capacity: 0 })))))
        yield* runtime.terminate({ grace: "Infinity" })
      }
    }).pipe(Effect.provide(layer))
  )
})

it.live("B6 filters by names with commas in them, and by their like", () =>
  Effect.gen(function* () {
    const names = ["a,b", "a", "b", "50%", "a%2Cb"]
    const local = yield* LocalRuntimes.LocalRuntimes
    const [, remote] = yield* both
    const runtime = yield* local.create({ id: "named", state: 0, workflow: (_, state) => Effect.succeed(state) })
    const handle = yield* remote.get("named")
    const read = yield* Effect.forEach([["a,b"], ["a", "b"], ["50%", "a%2Cb"]], (types) =>
      handle.subscription({ types })
    )
    for (const type of names) yield* runtime.ask({ type })
    yield* runtime.terminate()
    const told = yield* Effect.forEach(read, (events) =>
      Effect.map(Stream.runCollect(events), (all) => all.flatMap((event) => ("type" in event ? [event.type] : [])))
    )
    assert.deepStrictEqual(told, [["a,b"], ["a", "b"], ["50%", "a%2Cb"]])
  }).pipe(Effect.scoped, Effect.provide(layer))
)

it.live("P3 a reply that is no JSON is not in its receipt, and asks from far fail; a bigint is told as text", () =>
  Effect.gen(function* () {
    const [here, remote] = yield* both
    const runtime = yield* here.create(Loose, { id: "loose" })
    const handle = yield* remote.get(Loose, "loose")
    const events = yield* handle.subscription()
    assert.deepStrictEqual(yield* handle.ask(Say.make({ what: "json" })), { a: 1 })
    for (const what of ["map", "bigint"]) {
      const { activityId } = yield* handle.send(Say.make({ what }))
      for (const each of [runtime, handle]) {
        const receipt = yield* each.awaitReceipt(activityId)
        assert.deepStrictEqual([receipt.status, "reply" in receipt], ["succeeded", false])
      }
      assert.strictEqual((yield* Effect.flip(handle.ask(Say.make({ what }))))._tag, "StoreUnavailable")
    }
    assert.strictEqual(yield* handle.ask(SayAny.make()), "7")
    assert.strictEqual((yield* handle.info).state, "1")
    yield* runtime.terminate()
    const told = (yield* Stream.runCollect(events)).map((event) => event._tag === "Processed" && event.type)
    assert.deepStrictEqual(told, ["Say", "Say", "Say", "Say", "Say", "SayAny", false])
  }).pipe(Effect.scoped, Effect.provide(layer))
)

it.live("P5 dead letters tell payloads in JSON", () =>
  Effect.gen(function* () {
    const [, remote] = yield* both
    const runtime = yield* remote.create(Sum)
    const { activityId } = yield* runtime.send(Die.make({ big: 7n }))
    yield* runtime.awaitReceipt(activityId)
    assert.deepStrictEqual(
      (yield* runtime.deadLetters).map(({ payload }) => payload),
      [{ big: "7" }]
    )
  }).pipe(Effect.provide(layer))
)

it.live("P5 R2 a dead letter of a durable runtime that has ended is not discarded, from here and from there", () =>
  Effect.gen(function* () {
    for (const manager of yield* both) {
      const runtime = yield* manager.create(Sum, { id: "sum" })
      const { activityId } = yield* runtime.send(Die.make({ big: 7n }))
      yield* runtime.awaitReceipt(activityId)
      yield* runtime.terminate()
      assert.strictEqual((yield* Effect.flip(runtime.discard(activityId)))._tag, "AgentRuntimeTerminated")
      assert.strictEqual((yield* runtime.deadLetters).length, 1)
      yield* manager.purge("sum")
    }
  }).pipe(Effect.provide(on(RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory)))))
)

it.live("B5 a runtime made from a closure is followed too, whatever it says", () =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const [, remote] = yield* both
    const runtime = yield* local.create<unknown>({
      id: "local",
      state: 0n,
      workflow: ({ payload }, state, { emit }) => Effect.as(emit(payload as Schema.Json), state)
    })
    const handle = yield* remote.get("local")
    const events = yield* handle.subscription()
    yield* runtime.ask({ type: "any", payload: 7n })
    yield* runtime.ask({ type: "other", payload: { n: 1 } })
    assert.strictEqual((yield* handle.info).state, "0")
    yield* runtime.terminate()
    const told = (yield* Stream.runCollect(events)).map((event) => [
      event._tag,
      event._tag === "Emitted" ? event.value : event._tag === "Processed" ? event.payload : ""
    ])
    assert.deepStrictEqual(told, [
      ["Emitted", "7"],
      ["Processed", "7"],
      ["Emitted", { n: 1 }],
      ["Processed", { n: 1 }],
      ["End", ""]
    ])
  }).pipe(Effect.scoped, Effect.provide(layer))
)
