import { ActivityId, ActivityType, Agent, AgentRuntimeId, Priority, Receipt } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

class Frozen extends Schema.TaggedError<Frozen>()("Frozen", { since: Schema.Int }) {}

const Deposit = ActivityType.make("Deposit", {
  payload: { amount: Schema.Int, note: Schema.optionalKey(Schema.String) },
  success: Schema.Int,
  error: Frozen,
  priority: "urgent"
})
const Freeze = ActivityType.make("Freeze")
const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initialState: { balance: 0 },
  activities: [Deposit, Freeze],
  emits: Schema.String,
  version: 3
})

describe("Agent", () => {
  it("describes itself in JSON Schema: state, emitted values, and each activity's payload, reply and errors", () => {
    const described = Agent.toJsonSchema(Account)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(described)), described as unknown)
    assert.deepStrictEqual([described.name, described.version], ["Account", 3])
    assert.deepInclude(described.state.schema, { type: "object", required: ["balance"] })
    assert.deepInclude(described.emits.schema, { type: "string" })
    assert.deepStrictEqual(
      described.activities.map(({ priority, type }) => [type, priority]),
      [
        ["Deposit", "urgent"],
        ["Freeze", "standard"]
      ]
    )
    const [deposit] = described.activities
    assert.deepInclude(deposit?.payload.schema, { type: "object", required: ["amount"] })
    assert.deepInclude(deposit?.success.schema, { type: "integer" })
    assert.include(JSON.stringify(deposit?.error), "Frozen")
    for (const { payload } of described.activities) assert.strictEqual(payload.dialect, "draft-2020-12")
  })

  it("refuses two activities of one name", () => {
    assert.throws(
      () => Agent.make("X", { state: Schema.Int, initialState: 0, activities: [Freeze, ActivityType.make("Freeze")] }),
      'activity "Freeze" is given twice'
    )
  })

  it("refuses a name that not every store can keep", () => {
    for (const name of ["a\0", "\ud800"]) {
      const make = () => Agent.make(name, { state: Schema.Int, initialState: 0, activities: [] })
      assert.throws(make, `Agent.make(${JSON.stringify(name)}): a name has no NUL and no half of a surrogate pair`)
    }
    Agent.make("ä 🙂", { state: Schema.Int, initialState: 0, activities: [] })
  })

  it("is of version 1 and emits any JSON unless it says otherwise", () => {
    const plain = Agent.make("Plain", { state: Schema.Int, initialState: 0, activities: [] })
    assert.strictEqual(plain.version, 1)
    assert.isTrue(Schema.is(plain.emits)({ any: ["json", 1, null] }))
    assert.isFalse(Schema.is(plain.emits)(() => 0))
  })
})

describe("ActivityType", () => {
  it("has defaults that declare nothing", () => {
    assert.deepStrictEqual(
      [Freeze.priority, Freeze.timeout, Freeze.overlap, Freeze.retry],
      [undefined, undefined, "enqueue", undefined]
    )
    assert.isTrue(Schema.is(Freeze.success)(undefined))
    assert.isFalse(Schema.is(Freeze.error)(new Frozen({ since: 1 })))
  })

  it("builds a request without an id or a time, and does not validate it", () => {
    assert.deepStrictEqual(
      { ...Deposit.make({ amount: 1.5 }) },
      { activityType: Deposit, type: "Deposit", payload: { amount: 1.5 } }
    )
    assert.deepStrictEqual({ ...Freeze.make() }, { activityType: Freeze, type: "Freeze", payload: undefined })
    const Defaults = ActivityType.make("Defaults", {
      payload: { n: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(1))) }
    })
    assert.deepStrictEqual(Defaults.make().payload, {})
  })

  it("takes a payload as the fields of a struct or as any schema", () => {
    assert.isTrue(Schema.is(Deposit.payload)({ amount: 1 }))
    assert.isTrue(Schema.is(ActivityType.make("Text", { payload: Schema.String }).payload)("text"))
  })
})

describe("names", () => {
  it("R1 a runtime id is 1 to 64 letters, digits, _ or -", () => {
    for (const id of ["a", "A_z-9", "x".repeat(64)]) assert.isTrue(AgentRuntimeId.isAgentRuntimeId(id), id)
    for (const id of ["", "x".repeat(65), "a b", "a.b", "a:b", "ä", "a\\n", "a\n", "../a", 7, null]) {
      assert.isFalse(AgentRuntimeId.isAgentRuntimeId(id), String(id))
    }
  })

  it("P9 an activity id is 1 to 128 letters, digits, _ . : or -", () => {
    for (const id of ["a", "A_z-9.:", "...", ".a", "x".repeat(128)]) assert.isTrue(ActivityId.isActivityId(id), id)
    for (const id of ["", ".", "..", "x".repeat(129), "a b", "a/b", "ä", "a\n"])
      assert.isFalse(ActivityId.isActivityId(id), id)
  })

  it("P2 priorities are urgent, standard and background, highest first", () => {
    assert.deepStrictEqual([...Priority.priorities], ["urgent", "standard", "background"])
    assert.isTrue(Priority.isPriority("urgent"))
    assert.isFalse(Priority.isPriority("toString"))
  })

  it("a receipt is pending until it is final", () => {
    const receipt = (status: Receipt.Status) => ({ status }) as Receipt.Receipt
    const pending = Receipt.Status.literals.filter((status) => Receipt.isPending(receipt(status)))
    assert.deepStrictEqual(pending, ["accepted", "running"])
  })
})
