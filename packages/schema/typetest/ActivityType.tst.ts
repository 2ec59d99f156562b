import { ActivityType, Agent, type AgentEvent } from "@agent-runtime/schema"
import { Context, Effect, Schema, SchemaGetter } from "effect"
import { describe, expect, test } from "tstyche"

class Frozen extends Schema.TaggedError<Frozen>()("Frozen", { since: Schema.Int }) {}

const Deposit = ActivityType.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.String, error: Frozen })
const Freeze = ActivityType.make("Freeze", { priority: "urgent" })
const Defaults = ActivityType.make("Defaults", {
  payload: { n: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(1))) }
})
const Text = ActivityType.make("Text", { payload: Schema.String })

describe("ActivityType.make", () => {
  test("infers name, payload, reply and errors", () => {
    expect<(typeof Deposit)["name"]>().type.toBe<"Deposit">()
    expect<ActivityType.Payload<typeof Deposit>>().type.toBe<{ readonly amount: number }>()
    expect<ActivityType.Success<typeof Deposit>>().type.toBe<string>()
    expect<ActivityType.Error<typeof Deposit>>().type.toBe<Frozen>()
    expect<ActivityType.Success<typeof Freeze>>().type.toBe<void>()
    expect<ActivityType.Error<typeof Freeze>>().type.toBe<never>()
  })

  test("a request takes the payload, nothing where there is none, and optionally where all has defaults", () => {
    expect(Deposit.make).type.toBeCallableWith({ amount: 1 })
    expect(Deposit.make).type.not.toBeCallableWith()
    expect(Deposit.make({ amount: "1" })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
    expect(Deposit.make({})).type.toRaiseError("Property 'amount' is missing")
    expect(Deposit.make({ amount: 1, when: 2 })).type.toRaiseError("'when' does not exist")
    expect(Freeze.make).type.toBeCallableWith()
    expect(Freeze.make({ now: true })).type.toRaiseError("Expected 0 arguments, but got 1")
    expect(Defaults.make).type.toBeCallableWith()
    expect(Defaults.make).type.toBeCallableWith({ n: 2 })
    expect(Text.make).type.toBeCallableWith("text")
  })

  test("refuses an unknown priority, overlap or timeout", () => {
    expect(ActivityType.make("X", { priority: "soon" })).type.toRaiseError(`Type '"soon"' is not assignable`)
    expect(ActivityType.make("X", { overlap: "ignore" })).type.toRaiseError(`Type '"ignore"' is not assignable`)
    expect(ActivityType.make("X", { timeout: true })).type.toRaiseError("Type 'true' is not assignable")
  })

  test("refuses a codec that needs services: it must work in a browser as well", () => {
    class Key extends Context.Service<Key, string>()("Key") {}
    const Secret = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transformEffect((text: string) => Effect.map(Key, (key) => key + text)),
        encode: SchemaGetter.transform((text: string) => text)
      })
    )
    expect(ActivityType.make("X", { payload: Secret })).type.toRaiseError(
      "Type 'decodeTo<String, String, Key, never>' is not assignable"
    )
  })
})

describe("Agent.make", () => {
  test("infers state, activities and what it emits", () => {
    const Account = Agent.make("Account", {
      state: Schema.Struct({ balance: Schema.Int }),
      initialState: { balance: 0 },
      activities: [Deposit, Freeze],
      emits: Schema.Int
    })
    expect<Agent.State<typeof Account>>().type.toBe<{ readonly balance: number }>()
    expect<Agent.Activities<typeof Account>["name"]>().type.toBe<"Deposit" | "Freeze">()
    expect<Agent.Emitted<typeof Account>>().type.toBe<number>()
    expect<Agent.ActivityNamed<typeof Account, "Freeze">>().type.toBe<typeof Freeze>()
    type Processed = Extract<AgentEvent.AgentEvent<typeof Account>, { readonly _tag: "Processed" }>
    expect<Extract<Processed, { readonly type: "Deposit" }>>().type.toBe<
      AgentEvent.Processed<"Deposit", { readonly amount: number }, string>
    >()
    expect<typeof Account>().type.toBeAssignableTo<Agent.Any>()
  })

  test("refuses a first state that does not fit", () => {
    expect(
      Agent.make("X", { state: Schema.Struct({ n: Schema.Int }), initialState: { n: "1" }, activities: [] })
    ).type.toRaiseError("Type 'string' is not assignable to type 'number'")
    expect(Agent.make("X", { state: Schema.Int, activities: [] })).type.toRaiseError(
      "Property 'initialState' is missing"
    )
  })
})
