import { LocalRuntimes, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"

class Frozen extends Schema.TaggedError<Frozen>()("Frozen", {}) {}

const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int }, error: Frozen })
const Freeze = ActivityType.make("Freeze", { priority: "urgent" })
const Balance = ActivityType.make("Balance", { success: Schema.Int })

const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.Int, frozen: Schema.Boolean }),
  initialState: { balance: 0, frozen: false },
  activities: [Deposit, Freeze, Balance]
})

const AccountLayer = Workflow.layer(Account, {
  Deposit: ({ payload }, state) =>
    state.frozen ? Effect.fail(new Frozen()) : Effect.succeed({ ...state, balance: state.balance + payload.amount }),
  Freeze: (_, state) => Effect.succeed({ ...state, frozen: true }),
  Balance: (_, state) => Workflow.reply(state, state.balance)
})

it.effect("the first example of the architecture runs as it reads", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const alice = yield* manager.create(Account, { id: "alice" })
    const events = yield* alice.subscription() // registered from here on
    const seen = yield* events.pipe(Stream.runCollect, Effect.forkScoped)
    const receipt = yield* alice.send(Deposit.make({ amount: 10 }))
    assert.strictEqual(receipt.status, "accepted")
    yield* alice.awaitReceipt(receipt.activityId)
    yield* alice.send(Freeze.make(), { id: "freeze-1" })
    const balance: number = yield* alice.ask(Balance.make())
    assert.strictEqual(balance, 10)
    const refused = yield* alice.ask(Deposit.make({ amount: 1 })).pipe(Effect.flip)
    assert.strictEqual(refused._tag, "Frozen")
    const info = yield* alice.info
    assert.strictEqual(info.status, "idle")
    assert.deepStrictEqual(info.state, { balance: 10, frozen: true })
    yield* manager.terminate("alice")
    const tags = (yield* Fiber.join(seen)).map((event) =>
      "type" in event ? `${event._tag} ${event.type}` : event._tag
    )
    assert.deepStrictEqual(tags, ["Processed Deposit", "Processed Freeze", "Processed Balance", "End"])
  }).pipe(Effect.scoped, Effect.provide(AccountLayer.pipe(Layer.provideMerge(RuntimeManager.layer))))
)

it.effect("a runtime made from a closure needs no definition", () =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const counter = yield* local.create({ id: "counter", state: 0, workflow: (_, n) => Effect.succeed(n + 1) })
    yield* counter.send({ type: "tick", payload: { any: "json" } })
    yield* counter.ask({ type: "tick" })
    assert.strictEqual((yield* counter.info).state, 2)
  }).pipe(Effect.provide(RuntimeManager.layer))
)
