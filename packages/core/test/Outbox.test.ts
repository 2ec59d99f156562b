import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentError } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeStore } from "./support/Store.ts"

const Relay = ActivityType.make("Relay", { payload: { to: Schema.String, as: Schema.optionalKey(Schema.String) } })
const Wait = ActivityType.make("Wait", { payload: { to: Schema.String } })
const Tick = ActivityType.make("Tick")
const Add = ActivityType.make("Add")
const Sender = Agent.make("Sender", { state: Schema.Int, initialState: 0, activities: [Relay, Wait, Tick] })
const Target = Agent.make("Target", { state: Schema.Int, initialState: 0, activities: [Add] })

/** What the first life of "sender" sent first in its activity "relay". */
const relayed = "sender:1:relay:0"

const waits = Deferred.makeUnsafe<void>()
const gate = Deferred.makeUnsafe<void>()
const SenderLayer = Workflow.layer(Sender, {
  Relay: ({ payload }, n, context) =>
    Effect.as(Effect.orDie(context.send(payload.to, Add.make(), { id: payload.as })), n),
  Wait: ({ payload }, n, context) =>
    Deferred.succeed(waits, undefined).pipe(
      Effect.andThen(Deferred.await(gate)),
      Effect.andThen(Effect.orDie(context.send(payload.to, Add.make()))),
      Effect.as(n)
    ),
  Tick: (_, n, context) => Effect.as(Effect.orDie(context.schedule(Tick.make(), "1 minute")), n + 1)
})
const TargetLayer = Workflow.layer(Target, { Add: (_, n) => Effect.succeed(n + 1) })
const Both = Layer.merge(SenderLayer, TargetLayer)

/** A store that can be told to refuse what is accepted, what is sent, or what says only that it has arrived. */
class Store {
  refuses: "accept" | "send" | "sent" | "nothing" = "nothing"
  readonly service: RuntimeStore.RuntimeStore["Service"]
  constructor(store: RuntimeStore.RuntimeStore["Service"]) {
    this.service = {
      ...store,
      write: Effect.forEach((write) =>
        Effect.suspend(() =>
          this.refuses !== "nothing" &&
          write.change[this.refuses] !== undefined &&
          (this.refuses !== "sent" || write.change.accept === undefined)
            ? Effect.succeed(Exit.fail(new AgentError.StoreUnavailable({ message: "no space is left" })))
            : Effect.map(store.write([write]), ([exit]) => exit!)
        )
      )
    }
  }
  static readonly make = Effect.map(makeStore, (store) => new Store(store))
}

const on = <E>(
  store: Store,
  workflows: Layer.Layer<never, E, Workflow.Workflows>,
  config: Partial<RuntimeConfig.RuntimeConfigShape> = {}
) =>
  workflows.pipe(
    Layer.provideMerge(RuntimeManager.layerDurable),
    Layer.provide(Layer.succeed(RuntimeStore.RuntimeStore, store.service)),
    Layer.provide(RuntimeConfig.layer(config))
  )

const create = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  return [yield* manager.create(Sender, { id: "sender" }), yield* manager.create(Target, { id: "target" })] as const
})

/** What the sender has sent does not arrive until the store accepts again. */
const sendUndelivered = Effect.fnUntraced(function* (store: Store) {
  const [sender, target] = yield* create
  yield* sender.send(Relay.make({ to: "target" }), { id: "relay" })
  store.refuses = "accept"
  yield* sender.awaitReceipt("relay")
  return [sender, target] as const
})

const expectDelivered = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  for (let i = 0; i < 10; i++) yield* TestClock.adjust("1 second")
  assert.deepStrictEqual(yield* (yield* manager.get(Sender, "sender")).deadLetters, [])
  assert.strictEqual((yield* (yield* manager.get(Target, "target")).info).state, 1)
})

it.effect("P8 along a chain of sends no id comes back: a workflow may schedule itself for ever", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sender)
    yield* runtime.send(Tick.make(), { id: "x".repeat(128) })
    for (let i = 1; i < 300; i++) yield* TestClock.adjust("1 minute")
    assert.strictEqual((yield* runtime.info).state, 300)
  }).pipe(Effect.provide(SenderLayer.pipe(Layer.provideMerge(RuntimeManager.layer))))
)

it.effect("P8 P9 what two runtimes, or two lives of one, send in activities of one id arrives twice", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const target = yield* manager.create(Target, { id: "target" })
    for (const id of ["one", "other", "other"]) {
      const sender = yield* manager.create(Sender, { id })
      yield* sender.ask(Relay.make({ to: "target" }), { id: "relay" })
      yield* sender.terminate()
    }
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* target.info).state, 3)
  }).pipe(Effect.provide(Both.pipe(Layer.provideMerge(RuntimeManager.layer))))
)

it.effect("P8 what is no JSON cannot be sent: it is told to the workflow that sends it", () => {
  const Odd = ActivityType.make("Odd", { success: Schema.String })
  const Sending = Agent.make("Sending", { state: Schema.Int, initialState: 0, activities: [Odd] })
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Sending)
    assert.strictEqual(yield* runtime.ask(Odd.make()), "ActivityInvalid")
  }).pipe(
    Effect.provide(
      Workflow.layer(Sending, {
        Odd: (_, n, { runtimeId, send }) =>
          Effect.matchEffect(send(runtimeId, { type: "Odd", payload: { n: 1n } }), {
            onFailure: ({ _tag }) => Workflow.reply(n, _tag as string),
            onSuccess: () => Workflow.reply(n, "sent")
          })
      }).pipe(Layer.provideMerge(RuntimeManager.layer))
    )
  )
})

it.effect("R6 D1 what a workflow sends while its process ends is delivered by the next", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    const scope = yield* Scope.make()
    const life = yield* Layer.buildWithScope(on(store, Both), scope)
    const [sender] = yield* Effect.provide(create, life)
    yield* sender.send(Wait.make({ to: "target" }))
    yield* Deferred.await(waits)
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(closing)
    yield* Effect.provide(expectDelivered, on(store, Both))
  })
)

for (const [order, workflows] of [
  ["the sender's", TargetLayer.pipe(Layer.provideMerge(SenderLayer))],
  ["the target's", SenderLayer.pipe(Layer.provideMerge(TargetLayer))]
] as const) {
  it.effect(`D2 what was sent before a crash is delivered when ${order} workflow is registered first`, () =>
    Effect.gen(function* () {
      const store = yield* Store.make
      yield* Effect.gen(function* () {
        yield* sendUndelivered(store)
      }).pipe(Effect.provide(on(store, Both)))
      store.refuses = "nothing"
      yield* Effect.provide(expectDelivered, on(store, workflows))
    })
  )
}

it.effect("D2 what arrived before a crash does not arrive again, however long its receipt is forgotten", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    // This life is never closed: it dies when its target has what was sent, and its sender has yet to know.
    const life = yield* Layer.buildWithScope(on(store, Both), yield* Scope.make())
    const [sender, target] = yield* Effect.provide(create, life)
    store.refuses = "sent"
    yield* sender.send(Relay.make({ to: "target" }), { id: "relay" })
    yield* sender.awaitReceipt("relay")
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* target.info).state, 1)
    yield* TestClock.adjust("2 hours")
    store.refuses = "nothing"
    yield* Effect.provide(expectDelivered, on(store, Both))
  })
)

it.effect("D6 what was sent while the store was down for an hour is delivered when it is back", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    yield* Effect.gen(function* () {
      yield* sendUndelivered(store)
      yield* TestClock.adjust("1 hour")
      store.refuses = "nothing"
      yield* expectDelivered
    }).pipe(Effect.provide(on(store, Both)))
  })
)

it.effect("R2 D1 what was sent before a terminate is delivered after a crash: the end waits for the outbox", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* sendUndelivered(store)
      yield* Effect.forkChild(manager.terminate("sender"), { startImmediately: true })
      yield* TestClock.adjust("1 second")
    }).pipe(Effect.provide(on(store, Both)))
    store.refuses = "nothing"
    yield* Effect.provide(expectDelivered, on(store, Both))
  })
)

for (const mode of ["drain", "immediate"] as const) {
  it.effect(`R2 D1 what a terminate (${mode}) cannot wait for is a dead letter, which the next process sees`, () =>
    Effect.gen(function* () {
      const store = yield* Store.make
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        yield* sendUndelivered(store)
        const ending = yield* Effect.forkChild(manager.terminate("sender", { mode }), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(ending)
      }).pipe(Effect.provide(on(store, Both)))
      store.refuses = "nothing"
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        yield* TestClock.adjust("1 minute")
        const sender = yield* manager.get(Sender, "sender")
        assert.strictEqual((yield* sender.info).status, "terminated")
        assert.deepStrictEqual(
          (yield* sender.deadLetters).map(({ activityId, error }) => [activityId as string, error._tag]),
          [[relayed, "AgentRuntimeTerminated"]]
        )
        assert.strictEqual((yield* (yield* manager.get(Target, "target")).info).state, 0)
      }).pipe(Effect.provide(on(store, Both)))
    })
  )
}

it.effect("R2 D1 a terminate ends when what was sent has arrived, and leaves nothing in the outbox", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const [sender, target] = yield* sendUndelivered(store)
      const ending = yield* Effect.forkChild(manager.terminate("sender"), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* sender.info).status, "draining")
      store.refuses = "nothing"
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(ending)
      assert.strictEqual((yield* target.info).state, 1)
      assert.deepStrictEqual(yield* (yield* manager.get(Sender, "sender")).deadLetters, [])
      assert.deepStrictEqual((yield* store.service.open(sender.id))?.outbox, [])
    }).pipe(Effect.provide(on(store, Both)))
  })
)

it.effect("D2 D3 a process that has let go of a sender delivers nothing of it any more: another may have done so", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    yield* Effect.gen(function* () {
      // Nobody here runs the target.
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(SenderLayer, scope)
      const manager = yield* RuntimeManager.RuntimeManager
      yield* Effect.provide(create, Layer.fresh(on(store, Both)))
      const sender = yield* manager.get(Sender, "sender")
      yield* sender.ask(Relay.make({ to: "target" }))
      yield* Scope.close(scope, Exit.void)
      // Elsewhere it is delivered, and then forgotten.
      yield* Effect.gen(function* () {
        const target = yield* (yield* RuntimeManager.RuntimeManager).get(Target, "target")
        yield* TestClock.adjust("1 second")
        yield* target.ask(Add.make())
        yield* target.ask(Add.make())
        assert.strictEqual((yield* target.info).state, 3)
      }).pipe(Effect.provide(Layer.fresh(on(store, Both, { receiptRetention: 1, logRetention: 1 }))))
      yield* Effect.gen(function* () {
        for (let i = 0; i < 10; i++) yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* (yield* manager.get(Target, "target")).info).state, 3)
      }).pipe(Effect.provide(TargetLayer))
    }).pipe(Effect.provide(on(store, Layer.empty, { receiptRetention: 1, logRetention: 1 })))
  })
)

for (const [how, pausedFor, deadLetters, mailboxStrategy] of [
  ["is delivered before it has ended", "1 second", [], "fail"],
  ["and cannot be delivered within its grace is its dead letter", "1 minute", [relayed], "fail"],
  ["is delivered before it has ended, having waited for its place", "1 second", [], "suspend"],
  ["and found no place within its grace is its dead letter, and nothing else", "1 minute", [relayed], "suspend"]
] as const) {
  it.effect(`R2 P8 in memory, too, what a runtime that ends has sent ${how}`, () =>
    Effect.gen(function* () {
      const [sender, target] = yield* create
      yield* target.pause
      yield* target.send(Add.make(), { id: "fills" })
      yield* sender.ask(Relay.make({ to: "target" }), { id: "relay" })
      const ending = yield* Effect.forkChild(sender.terminate(), { startImmediately: true })
      yield* TestClock.adjust(pausedFor)
      yield* target.resume
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(ending)
      assert.strictEqual((yield* target.info).state, 2 - deadLetters.length)
      assert.deepStrictEqual(
        (yield* sender.deadLetters).map(({ activityId }) => activityId as string),
        [...deadLetters]
      )
    }).pipe(
      Effect.provide(
        Both.pipe(
          Layer.provideMerge(RuntimeManager.layer),
          Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 1, mailboxStrategy }))
        )
      )
    )
  )
}

it.effect(
  "R2 D1 an end that is late leaves nothing in the outbox, also where what is sent is still being written",
  () =>
    Effect.gen(function* () {
      const store = yield* Store.make
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const [sender] = yield* create
        store.refuses = "send"
        yield* sender.send(Relay.make({ to: "target" }), { id: "relay" })
        yield* TestClock.adjust("1 second")
        const ending = yield* Effect.forkChild(Effect.flip(manager.terminate("sender")), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(ending))._tag, "StoreUnavailable")
        store.refuses = "nothing"
        yield* TestClock.adjust("1 minute")
        const opened = yield* store.service.open(sender.id)
        assert.deepStrictEqual([opened?.terminated, opened?.outbox, opened?.deadLetters.length], [true, [], 1])
      }).pipe(Effect.provide(on(store, Both)))
    })
)

it.effect("P5 D1 a dead letter is sent again to a runtime that sleeps, and stays one where that is not written", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const sender = yield* manager.create(Sender, { id: "sender" })
      yield* sender.ask(Relay.make({ to: "target" }), { id: "relay" })
      yield* TestClock.adjust("1 second")
      yield* manager.create(Target, { id: "target" })
      const letters = Effect.map(sender.deadLetters, (letters) => letters.map(({ activityId }) => activityId as string))
      assert.deepStrictEqual(yield* letters, [relayed])
      // It is left to the store.
      yield* TestClock.adjust("1 minute")
      store.refuses = "accept"
      assert.strictEqual((yield* Effect.flip(sender.replay(relayed)))._tag, "StoreUnavailable")
      assert.deepStrictEqual(yield* letters, [relayed])
      store.refuses = "nothing"
      assert.strictEqual((yield* sender.replay(relayed)).runtimeId, "target")
      yield* expectDelivered
    }).pipe(Effect.provide(on(store, Both, { maxIdleTime: Duration.seconds(10) })))
  })
)

it.effect("P5 P8 what is sent to two runtimes under one id, and reaches neither, is two dead letters", () =>
  Effect.gen(function* () {
    const store = yield* Store.make
    for (const left of [2, 1, 0]) {
      yield* Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const sender = yield* manager.getOrCreate(Sender, { id: "sender" })
        if (left === 2) {
          for (const to of ["one", "other"]) yield* sender.ask(Relay.make({ to, as: "paid" }))
          yield* TestClock.adjust("1 second")
        } else {
          const { id } = yield* manager.create(Target, { id: ["other", "one"][left]! })
          assert.strictEqual((yield* sender.replay("paid")).runtimeId, id)
        }
        assert.strictEqual((yield* sender.deadLetters).length, left)
      }).pipe(Effect.provide(Layer.fresh(on(store, Both))))
    }
  })
)

it.effect("P1 P8 what a workflow sends and cannot be kept is refused there, and not sent without its payload", () => {
  const Any = ActivityType.make("Any", { payload: { n: Schema.optionalKey(Schema.Unknown) } })
  const Loose = Agent.make("Loose", { state: Schema.Array(Schema.String), initialState: [], activities: [Any] })
  const LooseLayer = Workflow.layer(Loose, {
    Any: (_, tags, { send }) =>
      Effect.match(send("other", Any.make({ n: 1n })), {
        onFailure: ({ _tag }) => [...tags, _tag],
        onSuccess: () => [...tags, "sent"]
      })
  })
  return Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const loose = yield* manager.create(Loose)
    yield* loose.ask(Any.make({}))
    assert.deepStrictEqual((yield* loose.info).state, ["ActivityInvalid"])
  }).pipe(Effect.provide(LooseLayer.pipe(Layer.provideMerge(RuntimeManager.layer))))
})
