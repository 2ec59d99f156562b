import {
  ActivityId,
  ActivityType,
  Agent,
  AgentActivity,
  AgentError,
  AgentEvent,
  AgentRuntimeId,
  AgentRuntimeState,
  Priority,
  Receipt,
  Timestamp
} from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"

class Frozen extends Schema.TaggedError<Frozen>()("Frozen", { since: Schema.Date }) {}

const Deposit = ActivityType.make("Deposit", {
  payload: { amount: Schema.Int, note: Schema.optionalKey(Schema.String), at: Schema.Date },
  success: Schema.Struct({ balance: Schema.BigInt }),
  error: Frozen
})
const Freeze = ActivityType.make("Freeze")
const Account = Agent.make("Account", {
  state: Schema.Struct({ balance: Schema.BigInt, opened: Schema.Date, tags: Schema.Array(Schema.String) }),
  initialState: { balance: 0n, opened: new Date(0), tags: [] },
  activities: [Deposit, Freeze],
  emits: Schema.Struct({ progress: Schema.Finite })
})

/** A schema with a name; services it needs none. */
type Named = readonly [name: string, schema: Schema.Codec<unknown, unknown>]
const named = <T, E>(name: string, schema: Schema.Codec<T, E>): Named => [name, schema as unknown as Named[1]]

const schemas: ReadonlyArray<Named> = [
  named("ActivityId", ActivityId.ActivityId),
  named("AgentRuntimeId", AgentRuntimeId.AgentRuntimeId),
  named("Priority", Priority.Priority),
  named("Receipt.Status", Receipt.Status),
  named("Receipt.ErrorJson", Receipt.ErrorJson),
  named("AgentRuntimeState.Status", AgentRuntimeState.Status),
  named("AgentActivity.TraceContext", AgentActivity.TraceContext),
  named("AgentRuntimeState.Metrics", AgentRuntimeState.Metrics),
  named("AgentRuntimeState.Lane", AgentRuntimeState.Lane),
  named("AgentRuntimeState.Subscriber", AgentRuntimeState.Subscriber),
  named("AgentRuntimeState.LastError", AgentRuntimeState.LastError),
  named("AgentActivity.SendOptions", AgentActivity.SendOptions),
  named("AgentActivity.AgentActivity", AgentActivity.AgentActivity),
  named("Receipt.Receipt", Receipt.Receipt),
  named("Timestamp", Timestamp.Timestamp),
  named("AgentEvent of an agent", AgentEvent.codec(Account)),
  named("RuntimeInfo of an agent", AgentRuntimeState.codec(Account)),
  ...Object.entries(AgentError)
    .filter((entry): entry is [string, typeof AgentError.MailboxFull] => Schema.isSchema(entry[1]))
    .map(([name, schema]) => named(`AgentError.${name}`, schema)),
  named("the payload of an activity", Deposit.payload),
  named("the reply of an activity", Deposit.success),
  named("the state of an agent", Account.state),
  named("what an agent emits", Account.emits),
  named("a declared failure", Frozen)
]

/**
 * Through text and back: the same JSON again, so nothing that JSON can say is lost. What the engine itself does not read
 * back says nothing about a codec: after a key `\\`, V8's `JSON.parse` may take another escaped key of one character for
 * it (https://github.com/nodejs/node/issues/63785, open in Node 24 and 26).
 */
const survives = (schema: Schema.Codec<unknown, unknown>) => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeUnknownSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  return (value: unknown): boolean => {
    const json = encode(value)
    const text = JSON.stringify(json)
    if (text === undefined) return json === undefined
    const parsed: unknown = JSON.parse(text)
    return JSON.stringify(parsed) !== text || JSON.stringify(encode(decode(parsed))) === text
  }
}

describe("everything that travels survives JSON", () => {
  for (const [name, schema] of schemas) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const result = yield* Arbitrary.checkEffect(Arbitrary.schema(schema), survives(schema))
        assert.isUndefined(Arbitrary.formatCheckFailure(result))
      })
    )
  }

  it("values come back equal, not only alike", () => {
    const through = <A>(schema: Schema.Codec<A, Schema.Json>, value: A): A =>
      Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(Schema.encodeUnknownSync(schema)(value))))
    const event: AgentEvent.AgentEvent<typeof Account> = {
      _tag: "Processed",
      sequence: 1,
      epoch: 2,
      activityId: "a:1" as ActivityId.ActivityId,
      type: "Deposit",
      priority: "urgent",
      payload: { amount: 3, at: new Date(5) },
      reply: { balance: 2n ** 70n },
      correlationId: "c",
      attempts: 1,
      at: 1_795_341_600_123
    }
    assert.deepStrictEqual(through(AgentEvent.codec(Account), event), event)
    const end: AgentEvent.AgentEvent<typeof Account> = { _tag: "End", reason: "shutdown" }
    assert.deepStrictEqual(through(AgentEvent.codec(Account), end), end)
  })

  it("an event of another agent is refused", () => {
    const decode = Schema.decodeUnknownResult(AgentEvent.codec(Account))
    for (const wrong of [
      { _tag: "Processed", type: "Withdraw", sequence: 1 },
      { _tag: "End" },
      { _tag: "Emitted", type: "Deposit", value: { progress: "1" } },
      null
    ]) {
      assert.isTrue(Result.isFailure(decode(wrong)))
    }
  })

  it("a Timestamp is of a day that exists", () => {
    const decode = Schema.decodeUnknownResult(Timestamp.Timestamp)
    const isTaken = (day: string) => Result.isSuccess(decode(`${day}T10:00:00+02:00`))
    assert.deepStrictEqual(["2028-02-29", "2027-12-31", "0000-01-01"].map(isTaken), [true, true, true])
    const none = ["2027-02-29", "2027-02-30", "2027-04-31", "2027-02-32", "2027-13-01", "2027-00-10"]
    assert.deepStrictEqual(none.filter(isTaken), [])
  })

  it("a Timestamp is milliseconds in memory and ISO 8601 in UTC on the wire", () => {
    const decode = Schema.decodeUnknownResult(Timestamp.Timestamp)
    assert.strictEqual(Schema.encodeSync(Timestamp.Timestamp)(1_795_341_600_123), "2026-11-22T10:00:00.123Z")
    assert.deepStrictEqual(decode("2026-11-22T11:00:00+01:00"), Result.succeed(1_795_341_600_000))
    for (const wrong of ["", "now", "2026-11-22", "2026-13-01T00:00:00Z", "2026-11-22T10:00:00", 7, null]) {
      assert.isTrue(Result.isFailure(decode(wrong)), String(wrong))
    }
    const encode = Schema.encodeUnknownResult(Timestamp.Timestamp)
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, 8.64e15, -1e15]) {
      assert.isTrue(Result.isFailure(encode(wrong)), String(wrong))
    }
  })
})
