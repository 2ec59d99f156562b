import { ActivityType, Agent, type AgentError, type Receipt } from "@agent-runtime/schema"
import type { AgentApiClient } from "@agent-runtime/transport-http"
import { type Effect, Schema } from "effect"
import { describe, expect, test } from "tstyche"

class Frozen extends Schema.TaggedError<Frozen>()("Frozen", {}) {}

const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int }, error: Frozen })
const Balance = ActivityType.make("Balance", { success: Schema.Int })
const Other = ActivityType.make("Other")
const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initialState: { balance: 0 },
  activities: [Deposit, Balance]
})

declare const client: AgentApiClient.AgentApiClient["Service"]
const alice = client.runtime(Account, "alice")

describe("AgentApiClient", () => {
  test("an ask answers what its activity type replies, and fails with what it declares", () => {
    expect<Effect.Success<ReturnType<typeof askBalance>>>().type.toBe<number>()
    expect<Frozen>().type.toBeAssignableTo<Effect.Error<ReturnType<typeof askDeposit>>>()
    expect<AgentError.AskCycle>().type.toBeAssignableTo<Effect.Error<ReturnType<typeof askDeposit>>>()
  })

  test("a send answers a receipt", () => {
    expect<Effect.Success<ReturnType<typeof alice.send>>>().type.toBe<Receipt.Receipt>()
  })

  test("refuses an activity that is not the agent's", () => {
    expect(alice.send).type.not.toBeCallableWith(Other.make())
  })

  test("the state is the agent's", () => {
    expect<Effect.Success<typeof alice.info>["state"]>().type.toBe<{ readonly balance: number }>()
  })

  test("a first state must fit", () => {
    expect(client.create).type.not.toBeCallableWith(Account, { state: { balance: "1" } })
  })
})

const askBalance = () => alice.ask(Balance.make())
const askDeposit = () => alice.ask(Deposit.make({ amount: 1 }))
