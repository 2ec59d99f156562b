import { LocalRuntimes, RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { FaultyStore, managerOn } from "./support/FaultyStore.ts"

it.effect("P3 an ask that joins an activity which asks back is a cycle, whoever sent that activity", () =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const manager = yield* RuntimeManager.RuntimeManager
    const joined = yield* Deferred.make<void>()
    const refused = yield* Deferred.make<string>()
    yield* local.create({
      id: "b",
      state: 0,
      workflow: (_, n) =>
        Deferred.await(joined).pipe(
          Effect.andThen(Effect.yieldNow),
          Effect.andThen(Effect.flip(manager.ask("a", { type: "tick" }))),
          Effect.flatMap((error) => Deferred.succeed(refused, (error as { readonly _tag: string })._tag)),
          Effect.as(n + 1),
          Effect.orDie
        )
    })
    yield* manager.send("b", { type: "work" }, { id: "work" })
    const a = yield* local.create({
      id: "a",
      state: 0,
      workflow: (_, n) =>
        Deferred.succeed(joined, undefined).pipe(
          Effect.andThen(manager.ask("b", { type: "work" }, { id: "work" })),
          Effect.as(n + 1),
          Effect.orDie
        )
    })
    yield* a.ask({ type: "go" })
    assert.strictEqual(yield* Deferred.await(refused), "AskCycle")
  }).pipe(Effect.provide(RuntimeManager.layer))
)

const Ping = ActivityType.make("Ping")
const Go = ActivityType.make("Go", { payload: { other: Schema.String, after: Schema.DurationFromMillis } })
const Asker = Agent.make("Asker", { state: Schema.Int, initialState: 0, activities: [Ping, Go] })

/** A runtime that asks another one, and notes how that ends. */
const asker = (ends: Array<string>, find: (manager: RuntimeManager.RuntimeManager["Service"], id: string) => Find) =>
  Workflow.layer(Asker, {
    Ping: (_, n) => Effect.succeed(n),
    Go: ({ payload: { after, other } }, n) =>
      Effect.gen(function* () {
        yield* Effect.sleep(after)
        const runtime = yield* find(yield* RuntimeManager.RuntimeManager, other)
        const result = yield* Effect.result(runtime.ask(Ping.make()))
        ends.push(Result.isSuccess(result) ? "answered" : result.failure._tag)
        return n
      }).pipe(Effect.orDie)
  })
type Find = ReturnType<typeof get>
const get = (manager: RuntimeManager.RuntimeManager["Service"], id: string) => manager.get(Asker, id)

/** `a` asks `b` now, and `b` asks `a` so much later. */
const askEachOther = (after: Duration.Input) =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const a = yield* manager.get(Asker, "a")
    const b = yield* manager.get(Asker, "b")
    yield* b.send(Go.make({ other: "a", after: Duration.fromInputUnsafe(after) }))
    yield* a.send(Go.make({ other: "b", after: Duration.zero }), { id: "go" })
    return a
  })

const createBoth = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  const a = yield* manager.create(Asker, { id: "a" })
  yield* manager.create(Asker, { id: "b" })
  return a
})

it.effect("P3 an ask back while the first ask is being written is a cycle", () => {
  const store = new FaultyStore()
  const ends: Array<string> = []
  return Effect.gen(function* () {
    yield* createBoth
    const a = yield* askEachOther("1 second")
    yield* TestClock.adjust("500 millis")
    yield* store.gate.close
    yield* TestClock.adjust("1 second")
    yield* store.gate.open
    yield* TestClock.adjust("1 second")
    yield* a.awaitReceipt("go")
    assert.deepStrictEqual(ends, ["AskCycle", "answered"])
  }).pipe(Effect.provide(asker(ends, get).pipe(Layer.provideMerge(managerOn(store.layer)))))
})

it.effect("P3 P13 an ask back while the first ask waits for a place is a cycle", () => {
  const ends: Array<string> = []
  const manager = RuntimeManager.layer.pipe(
    Layer.provide(RuntimeConfig.layer({ mailboxStrategy: "suspend", mailboxCapacity: 1 }))
  )
  return Effect.gen(function* () {
    yield* createBoth
    const b = yield* get(yield* RuntimeManager.RuntimeManager, "b")
    const a = yield* askEachOther("1 second")
    yield* b.send(Ping.make())
    yield* TestClock.adjust("2 seconds")
    yield* a.awaitReceipt("go")
    assert.deepStrictEqual(ends, ["AskCycle", "answered"])
  }).pipe(Effect.provide(asker(ends, get).pipe(Layer.provideMerge(manager))))
})

it.effect("P3 R8 an ask back by a handle that is older than the sleep of its runtime is a cycle", () => {
  const ends: Array<string> = []
  let kept: Find | undefined
  const find = (manager: RuntimeManager.RuntimeManager["Service"], id: string) =>
    id === "a" && kept !== undefined ? kept : get(manager, id)
  return Effect.gen(function* () {
    kept = Effect.succeed(yield* createBoth)
    yield* TestClock.adjust("1 minute")
    const a = yield* askEachOther("1 second")
    yield* TestClock.adjust("2 seconds")
    yield* a.awaitReceipt("go")
    assert.deepStrictEqual(ends, ["AskCycle", "answered"])
  }).pipe(
    Effect.provide(
      asker(ends, find).pipe(
        Layer.provideMerge(managerOn(new FaultyStore().layer, { maxIdleTime: Duration.seconds(30) }))
      )
    )
  )
})
