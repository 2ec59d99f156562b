import { AgentError } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Exit, Option, Schema } from "effect"

/** An instance of each error, and the HTTP status of the contract. */
const errors: ReadonlyArray<readonly [error: Error & { readonly _tag: string }, status: number]> = [
  [AgentError.RuntimeIdInvalid.of("a b"), 400],
  [new AgentError.RequestInvalid({ path: ["limit"], message: "limit is 1 to 1000" }), 400],
  [AgentError.ActivityInvalid.of(["payload", "n"], "n is a number"), 400],
  [new AgentError.CursorInvalid({ cursor: "x", message: "no such sequence" }), 400],
  [AgentError.AgentNotFound.of("Account"), 404],
  [AgentError.AgentRuntimeNotFound.of("alice"), 404],
  [AgentError.ActivityNotFound.of("a1"), 404],
  [AgentError.AgentRuntimeAlreadyExists.of("alice"), 409],
  [AgentError.ActivityConflict.of("a1"), 409],
  [AgentError.AgentRuntimeBusy.of("alice", "Deposit"), 409],
  [AgentError.AskCycle.of(["a", "b", "a"]), 409],
  [AgentError.ActivityCancelled.of("a1"), 409],
  [AgentError.ActivitySuperseded.of("a1", "a2"), 409],
  [AgentError.AgentRuntimeTerminated.of("alice"), 410],
  [AgentError.EpochMismatch.of(2, 1), 410],
  [AgentError.ActivityExpired.of("a1"), 410],
  [AgentError.MailboxFull.of("alice", "urgent", 8), 429],
  [AgentError.TooManyRuntimes.of(10), 429],
  [AgentError.SubscriberLagged.of(8), 429],
  [new AgentError.StateUnreadable({ id: "alice", version: 2, message: "version 2 has no migration" }), 500],
  [new AgentError.WorkflowDefect({ activityId: "a1", kind: "defect", message: "it died" }), 500],
  [new AgentError.StoreUnavailable({ message: "the disk is full" }), 503],
  [AgentError.ActivityTimedOut.of("a1", 100), 504]
]

const classes = Object.values(AgentError).filter(
  (value): value is typeof AgentError.MailboxFull => typeof value === "function" && "identifier" in value
)

describe("AgentError", () => {
  for (const [error, status] of errors) {
    const { _tag, constructor } = error
    it(`${_tag} is an Error with a tag, a message and the HTTP status ${status}`, () => {
      assert.instanceOf(error, Error)
      assert.isAbove(error.message.length, 5)
      assert.strictEqual(error.name, _tag)
      const schema = constructor as unknown as Schema.Constraint
      assert.strictEqual(schema.ast.annotations?.httpApiStatus, status)
    })
  }

  it("every error is here", () => {
    assert.deepStrictEqual(
      errors.map(([error]) => error.constructor.name).sort(),
      classes.map((error) => error.identifier).sort()
    )
  })

  it("a long hostile id is cut before it is repeated", () => {
    const error = AgentError.RuntimeIdInvalid.of("x".repeat(1_000_000))
    assert.isBelow(error.message.length + error.id.length, 500)
  })

  it("a store that is unavailable may say why, and need not", () => {
    const codec = Schema.toCodecJson(AgentError.StoreUnavailable)
    const decode = Schema.decodeUnknownExit(codec)
    const plain = { _tag: "StoreUnavailable", message: "away" } as const
    for (const json of [plain, { ...plain, reason: "in-use" } as const]) {
      const error = Exit.getSuccess(decode(json))
      assert.deepStrictEqual(Option.map(error, Schema.encodeSync(codec)), Option.some(json))
    }
    assert.isTrue(Exit.isFailure(decode({ ...plain, reason: "whatever" })))
  })

  describe("toJson", () => {
    it("keeps the fields of what is encoded, and its message", () => {
      const error = AgentError.MailboxFull.of("alice", "urgent", 8)
      const encoded = Schema.encodeSync(Schema.toCodecJson(AgentError.MailboxFull))(error)
      assert.deepStrictEqual(AgentError.toJson(error, encoded), {
        _tag: "MailboxFull",
        id: "alice",
        lane: "urgent",
        capacity: 8,
        message: error.message
      })
    })

    it("gives a tag and a message to whatever it is given, and never throws", () => {
      class Tagged {
        readonly _tag = "Tagged"
      }
      const hostile = {
        get _tag(): string {
          throw new Error("hostile")
        },
        get message(): string {
          throw new Error("hostile")
        },
        toString(): string {
          throw new Error("hostile")
        }
      }
      const rendered = [
        new TypeError("no"),
        new Tagged(),
        "text",
        7,
        null,
        undefined,
        hostile,
        Object.create(null)
      ].map((value) => AgentError.toJson(value))
      assert.deepStrictEqual(rendered, [
        { _tag: "Error", message: "no" },
        { _tag: "Tagged", message: "Tagged" },
        { _tag: "Error", message: "text" },
        { _tag: "Error", message: "7" },
        { _tag: "Error", message: "null" },
        { _tag: "Error", message: "undefined" },
        { _tag: "Error", message: "a value that cannot be shown" },
        { _tag: "Error", message: "a value that cannot be shown" }
      ])
    })

    it("keeps what is encoded to something other than an object as `value`", () => {
      assert.deepStrictEqual(AgentError.toJson("denied", "denied"), {
        _tag: "Error",
        message: "denied",
        value: "denied"
      })
      assert.deepStrictEqual(AgentError.toJson([1], [1]), { _tag: "Error", message: "1", value: [1] })
    })
  })
})
