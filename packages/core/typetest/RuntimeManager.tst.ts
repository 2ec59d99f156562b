import { type AgentRuntime, LocalRuntimes, RuntimeManager, Workflow } from "@agent-runtime/core"
import type { AgentError, AgentEvent, Receipt } from "@agent-runtime/schema"
import { Effect, Layer, type Stream } from "effect"
import { describe, expect, test } from "tstyche"
import { Account, Balance, Deposit, Freeze, type Frozen, Ledger, Sing } from "./Account.ts"

declare const manager: RuntimeManager.RuntimeManager["Service"]
declare const alice: AgentRuntime.AgentRuntime<typeof Account>
declare const local: LocalRuntimes.LocalRuntimes["Service"]

describe("RuntimeManager", () => {
  test("create needs nothing but the manager, whatever the handlers need", () => {
    expect(manager.create(Account, { id: "alice" })).type.toBe<
      Effect.Effect<AgentRuntime.AgentRuntime<typeof Account>, RuntimeManager.CreateError>
    >()
  })

  test("refuses a first state that does not fit", () => {
    expect(manager.create(Account, { state: { balance: "1", frozen: false } })).type.toRaiseError(
      "Type 'string' is not assignable to type 'number'"
    )
  })

  test("getOrCreate asks for an id", () => {
    expect(manager.getOrCreate(Account, {})).type.toRaiseError("Property 'id' is missing")
  })

  test("a program that lacks the workflow's service does not run", () => {
    const needy = Workflow.layer(Account, {
      Deposit: (_, state) =>
        Effect.as(
          Ledger.use((ledger) => ledger.write),
          state
        ),
      Freeze: (_, state) => Effect.succeed(state),
      Balance: (_, state) => Workflow.reply(state, 0)
    }).pipe(Layer.provideMerge(RuntimeManager.layer))
    const program = RuntimeManager.RuntimeManager.use((manager) => manager.create(Account))
    expect(Effect.runPromise).type.not.toBeCallableWith(program.pipe(Effect.provide(needy)))
    expect(Effect.runPromise).type.toBeCallableWith(
      program.pipe(Effect.provide(needy.pipe(Layer.provide(Layer.succeed(Ledger, { write: Effect.void })))))
    )
  })
})

describe("AgentRuntime", () => {
  test("send takes the agent's own requests and answers a receipt", () => {
    expect(alice.send(Deposit.make({ amount: 1 }))).type.toBe<Effect.Effect<Receipt.Receipt, AgentError.SendError>>()
    expect(alice.send).type.toBeCallableWith(Freeze.make(), { id: "freeze-1", priority: "background", deliverAt: 0 })
    expect(alice.send(Sing.make())).type.toRaiseError('"Sing"')
    expect(alice.send({ type: "Deposit", payload: { amount: 1 } })).type.toRaiseError("activityType")
    expect(alice.send(Freeze.make(), { priority: "immediate" })).type.toRaiseError('"immediate"')
  })

  test("ask answers the reply or the declared failure", () => {
    expect(alice.ask(Balance.make())).type.toBe<Effect.Effect<number, AgentError.AskError>>()
    expect(alice.ask(Deposit.make({ amount: 1 }))).type.toBe<Effect.Effect<void, Frozen | AgentError.AskError>>()
  })

  test("events are told apart by activity, with payload and reply", () => {
    expect(alice.subscribe()).type.toBe<
      Stream.Stream<AgentEvent.AgentEvent<typeof Account>, AgentError.SubscribeError | AgentError.SubscriberLagged>
    >()
    const look = (event: AgentEvent.AgentEvent<typeof Account>) => {
      if (event._tag === "Processed" && event.type === "Balance") expect(event.reply).type.toBe<number | undefined>()
      if (event._tag === "Processed" && event.type === "Deposit") {
        expect(event.payload).type.toBe<{ readonly amount: number }>()
      }
      if (event._tag === "Emitted") expect(event.value).type.toBe<{ readonly progress: number }>()
    }
    expect(look).type.toBeCallableWith({ _tag: "End", reason: "terminated" } as const)
  })

  test("subscription options name the agent's own activities", () => {
    expect(alice.subscribe({ types: ["Deposit"] })).type.not.toRaiseError()
    expect(alice.subscribe({ types: ["Sing"] })).type.toRaiseError(`Type '"Sing"' is not assignable`)
    expect(alice.subscribe({ from: "beginning" })).type.toRaiseError(`'"beginning"' is not assignable`)
  })

  test("info has the agent's state", () => {
    expect<Effect.Success<typeof alice.info>["state"]>().type.toBe<{
      readonly balance: number
      readonly frozen: boolean
    }>()
  })
})

describe("LocalRuntimes", () => {
  test("infers the state from its first value", () => {
    const made = local.create({ state: { n: 0 }, workflow: (_, state) => Effect.succeed({ n: state.n + 1 }) })
    expect<Effect.Success<typeof made>>().type.toBe<LocalRuntimes.LocalRuntime<{ n: number }>>()
  })

  test("refuses a workflow that needs a service, or answers another state", () => {
    expect(
      local.create({
        state: 0,
        workflow: (_, n: number) =>
          Effect.as(
            Ledger.use((ledger) => ledger.write),
            n
          )
      })
    ).type.toRaiseError("Type 'Ledger' is not assignable to type 'never'")
    expect(local.create<number>({ state: 0, workflow: () => Effect.succeed("1") })).type.toRaiseError(
      "Type 'string' is not assignable to type 'number"
    )
  })
})
