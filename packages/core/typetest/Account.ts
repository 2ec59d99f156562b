import { ActivityType, Agent } from "@agent-runtime/schema"
import { Context, type Effect, Schema } from "effect"

/** The agent of the first example. */
export class Frozen extends Schema.TaggedError<Frozen>()("Frozen", {}) {}

export const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int }, error: Frozen })
export const Freeze = ActivityType.make("Freeze", { priority: "urgent" })
export const Balance = ActivityType.make("Balance", { success: Schema.Int })

export const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.Int, frozen: Schema.Boolean }),
  initialState: { balance: 0, frozen: false },
  activities: [Deposit, Freeze, Balance],
  emits: Schema.Struct({ progress: Schema.Int })
})

export interface State {
  readonly balance: number
  readonly frozen: boolean
}

/** An activity type of another agent. */
export const Sing = ActivityType.make("Sing")

export class Ledger extends Context.Service<Ledger, { readonly write: Effect.Effect<void> }>()("Ledger") {}
