import { Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Effect, Schema } from "effect"

export class Broke extends Schema.TaggedError<Broke>()("Broke", { left: Schema.Int }) {}

export const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int } })
export const Withdraw = ActivityType.make("Withdraw", { payload: { amount: Schema.Int }, error: Broke })
export const Balance = ActivityType.make("Balance", { success: Schema.Int })
/** Runs until it is interrupted. */
export const Audit = ActivityType.make("Audit", { timeout: "1 hour" })
/** As `Audit`, one at a time. */
export const Alone = ActivityType.make("Alone", { timeout: "1 hour", overlap: "reject" })
export const Freeze = ActivityType.make("Freeze", { priority: "urgent" })
/** Emits each word. */
export const Tell = ActivityType.make("Tell", { payload: { words: Schema.Array(Schema.String) } })
export const Die = ActivityType.make("Die", { payload: { secret: Schema.String } })
/** Takes any JSON there is. */
export const Keep = ActivityType.make("Keep", { payload: { value: Schema.Json } })

export const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initialState: { balance: 0 },
  activities: [Deposit, Withdraw, Balance, Audit, Alone, Freeze, Tell, Die, Keep],
  emits: Schema.String
})

export const AccountLayer = Workflow.layer(Account, {
  Deposit: ({ payload }, { balance }) => Effect.succeed({ balance: balance + payload.amount }),
  Withdraw: ({ payload }, { balance }) =>
    balance < payload.amount
      ? Effect.fail(new Broke({ left: balance }))
      : Effect.succeed({ balance: balance - payload.amount }),
  Balance: (_, state) => Workflow.reply(state, state.balance),
  Audit: () => Effect.never,
  Alone: () => Effect.never,
  Freeze: (_, state) => Effect.succeed(state),
  Tell: Effect.fnUntraced(function* ({ payload }, state, context) {
    for (const word of payload.words) yield* context.emit(word)
    return state
  }),
  Die: ({ payload }) => Effect.die(new Error(payload.secret)),
  Keep: (_, state) => Effect.succeed(state)
})

export const Plain = ActivityType.make("Plain")
export const Spaced = ActivityType.make(" with  spaces ")
/** Its state is text of any length. */
export const Noted = Agent.make("Noted", { state: Schema.String, initialState: "", activities: [Plain, Spaced] })
export const NotedLayer = Workflow.layer(Noted, {
  Plain: (_, state) => Effect.succeed(state),
  [" with  spaces "]: (_, state) => Effect.succeed(state)
})
