import { type RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, type AgentError } from "@agent-runtime/schema"
import { Data, Effect, type Layer } from "effect"
import { describe, expect, test } from "tstyche"
import { Account, Balance, Deposit, Frozen, Ledger, type State } from "./Account.ts"

const Other = ActivityType.make("Other")
class Broke extends Data.TaggedError("Broke") {}

const fine = {
  Deposit: ({ payload }: { readonly payload: { readonly amount: number } }, state: State) =>
    state.frozen ? Effect.fail(new Frozen()) : Effect.succeed({ ...state, balance: state.balance + payload.amount }),
  Freeze: (_: unknown, state: State) => Effect.succeed({ ...state, frozen: true }),
  Balance: (_: unknown, state: State) => Workflow.reply(state, state.balance)
}

describe("Workflow.layer", () => {
  test("takes the handlers of the first example as it reads", () => {
    expect(
      Workflow.layer(Account, {
        Deposit: ({ payload }, state) =>
          state.frozen
            ? Effect.fail(new Frozen())
            : Effect.succeed({ ...state, balance: state.balance + payload.amount }),
        Freeze: (_, state) => Effect.succeed({ ...state, frozen: true }),
        Balance: (_, state) => Workflow.reply(state, state.balance)
      })
    ).type.toBe<Layer.Layer<never, AgentError.StoreUnavailable, Workflow.Workflows>>()
  })

  test("infers what a handler is given", () => {
    Workflow.layer(Account, {
      ...fine,
      Deposit: (activity, state, context) => {
        expect(activity.payload).type.toBe<{ readonly amount: number }>()
        expect(activity.type).type.toBe<"Deposit">()
        expect(state).type.toBe<{ readonly balance: number; readonly frozen: boolean }>()
        expect(context.emit({ progress: 1 })).type.toBe<Effect.Effect<void>>()
        return Effect.succeed(state)
      }
    })
  })

  test("checks what is sent to an agent that is named", () => {
    Workflow.layer(Account, {
      ...fine,
      Freeze: (_, state, context) => {
        expect(context.send).type.toBeCallableWith("any", { type: "Whatever", payload: 1 })
        expect(context.send<typeof Account>).type.toBeCallableWith("other", Deposit.make({ amount: 1 }))
        expect(context.send<typeof Account>).type.not.toBeCallableWith("other", Other.make())
        expect(context.send<typeof Account>).type.not.toBeCallableWith("other", { type: "Deposit", payload: "1" })
        return Effect.succeed(state)
      }
    })
  })

  test("takes handlers that were declared before", () => {
    const handlers: Workflow.Handlers<typeof Account> = fine
    expect(Workflow.layer(Account, handlers)).type.toBe<
      Layer.Layer<never, AgentError.StoreUnavailable, Workflow.Workflows>
    >()
  })

  test("infers within Effect.fnUntraced", () => {
    expect(
      Workflow.layer(Account, {
        ...fine,
        Deposit: Effect.fnUntraced(function* ({ payload }, state) {
          if (state.frozen) return yield* new Frozen()
          return { ...state, balance: state.balance + payload.amount }
        })
      })
    ).type.toBe<Layer.Layer<never, AgentError.StoreUnavailable, Workflow.Workflows>>()
  })

  test("a service that a handler needs becomes a requirement of the layer", () => {
    expect(
      Workflow.layer(Account, {
        ...fine,
        Freeze: Effect.fnUntraced(function* (_, state) {
          const ledger = yield* Ledger
          yield* ledger.write
          return state
        })
      })
    ).type.toBe<Layer.Layer<never, AgentError.StoreUnavailable, Ledger | Workflow.Workflows>>()
  })

  test("refuses a missing handler", () => {
    expect(Workflow.layer(Account, { Deposit: fine.Deposit, Balance: fine.Balance })).type.toRaiseError(
      "Property 'Freeze' is missing"
    )
  })

  test("refuses an unknown handler", () => {
    expect(Workflow.layer(Account, { ...fine, Withdraw: () => Effect.never })).type.toRaiseError(
      '"Withdraw is no activity of this agent"'
    )
  })

  test("refuses an error that the activity type does not declare", () => {
    expect(Workflow.layer(Account, { ...fine, Deposit: () => Effect.fail(new Broke()) })).type.toRaiseError(
      "Type 'Broke' is not assignable to type 'Frozen'"
    )
    expect(Workflow.layer(Account, { ...fine, Freeze: () => Effect.fail(new Frozen()) })).type.toRaiseError(
      "Type 'Frozen' is not assignable to type 'never'"
    )
  })

  test("refuses a state that does not fit", () => {
    expect(Workflow.layer(Account, { ...fine, Freeze: () => Effect.succeed({ balance: 1 }) })).type.toRaiseError(
      "Property 'frozen' is missing"
    )
  })

  test("refuses a missing reply, a reply of another type, and one that nobody declared", () => {
    expect(
      Workflow.layer(Account, { ...fine, Balance: (_: unknown, state: State) => Effect.succeed(state) })
    ).type.toRaiseError("Reply<")
    expect(
      Workflow.layer(Account, { ...fine, Balance: (_: unknown, state: State) => Workflow.reply(state, "much") })
    ).type.toRaiseError("Type 'string' is not assignable to type 'number'")
    expect(
      Workflow.layer(Account, { ...fine, Freeze: (_: unknown, state: State) => Workflow.reply(state, 1) })
    ).type.toRaiseError("Reply<")
  })

  test("refuses to emit what the agent does not", () => {
    Workflow.layer(Account, {
      ...fine,
      Freeze: (_, state, context) => {
        expect(context.emit).type.not.toBeCallableWith({ progress: "1" })
        expect(context.emit).type.toBeCallableWith({ progress: 1 })
        expect(context.schedule).type.toBeCallableWith(Balance.make(), "1 second")
        return Effect.succeed(state)
      }
    })
  })

  test("needs a placement: without one the layer cannot be run", () => {
    expect<RuntimeManager.RuntimeManager | Workflow.Workflows>().type.not.toBe<never>()
    expect(Deposit.make({ amount: 1 }).type).type.toBe<"Deposit">()
  })
})
