// Schemas whose checks throw, or that cannot encode: what a user's schema does is a fault of the value, and of nothing else.
import { RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, SchemaGetter } from "effect"

const Secure = Schema.String.check(Schema.makeFilter((text: string) => new URL(text).protocol === "https:"))

/** Decodes only. */
const Hashed = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((text: string) => `#${text}`),
    encode: SchemaGetter.forbidden(() => "it decodes only")
  })
)

/** Throws as it encodes. */
const Torn = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((text: string) => text),
    encode: SchemaGetter.transform((text: string) => {
      if (text === "torn") throw new Error("torn")
      return text
    })
  })
)

const Reply = ActivityType.make("Reply", { payload: { to: Schema.String }, success: Secure })
const Move = ActivityType.make("Move", { payload: { to: Schema.String } })
const Emit = ActivityType.make("Emit", { payload: { to: Schema.String } })
const Fail = ActivityType.make("Fail", { payload: { to: Schema.String }, error: Secure })
const Visit = ActivityType.make("Visit", { payload: { to: Secure } })
const Put = ActivityType.make("Put", { payload: { secret: Hashed } })
const Tear = ActivityType.make("Tear", { payload: { text: Torn }, success: Torn })
const Echo = ActivityType.make("Echo", { payload: { text: Schema.String }, success: Torn })
const Fussy = Agent.make("Fussy", {
  state: Schema.Struct({ home: Secure }),
  initialState: { home: "https://home" },
  emits: Secure,
  activities: [Reply, Move, Emit, Fail, Visit, Put, Tear, Echo]
})
const FussyLayer = Workflow.layer(Fussy, {
  Reply: ({ payload }, state) => Workflow.reply(state, payload.to),
  Move: ({ payload }) => Effect.succeed({ home: payload.to }),
  Emit: ({ payload }, state, { emit }) => Effect.as(emit(payload.to), state),
  Fail: ({ payload }) => Effect.fail(payload.to),
  Visit: (_, state) => Effect.succeed(state),
  Put: (_, state) => Effect.succeed(state),
  Tear: ({ payload }, state) => Workflow.reply(state, payload.text),
  Echo: ({ payload }, state) => Workflow.reply(state, payload.text)
})

for (const [where, manager] of [
  ["in memory", RuntimeManager.layer],
  ["on a store", RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))]
] as const) {
  describe(`a check that throws, ${where}`, () => {
    const provide = Effect.provide(FussyLayer.pipe(Layer.provideMerge(manager)))

    it.effect("R7 P6 a check that throws at what a workflow gives back harms its own activity only", () =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Fussy)
        const kinds: Array<string> = []
        // More of them than `maxRestarts`.
        for (let i = 0; i < 3; i++) {
          for (const type of ["Reply", "Move", "Emit", "Fail"]) {
            const error = yield* Effect.flip(manager.ask(runtime.id, { type, payload: { to: "nowhere" } }))
            kinds.push("kind" in (error as object) ? (error as { readonly kind: string }).kind : String(error))
            assert.notInclude(String(error), "adapter")
          }
        }
        assert.deepStrictEqual(kinds.slice(0, 4), ["invalid", "invalid", "defect", "undeclared"])
        const { metrics, state, status } = yield* runtime.info
        assert.deepStrictEqual([status, metrics.restarts, state.home], ["error", 0, "https://home"])
        assert.strictEqual(yield* runtime.ask(Reply.make({ to: "https://a" })), "https://a")
      }).pipe(provide)
    )

    it.effect("P1 a check that throws at what comes in is told without a stack", () =>
      Effect.gen(function* () {
        const manager = yield* RuntimeManager.RuntimeManager
        const runtime = yield* manager.create(Fussy)
        const state = { home: "nowhere" }
        const refused = [
          yield* Effect.flip(manager.send(runtime.id, { type: "Visit", payload: { to: "nowhere" } })),
          yield* Effect.flip(manager.create(Fussy, { state }))
        ]
        assert.deepStrictEqual(
          refused.map(({ _tag }) => _tag),
          ["ActivityInvalid", "RequestInvalid"]
        )
        for (const { message } of refused) {
          assert.include(message, "its schema threw TypeError: Invalid URL")
          assert.notMatch(message, /\n|\.ts|node_modules/)
        }
      }).pipe(provide)
    )
  })
}

const inMemory = Effect.provide(FussyLayer.pipe(Layer.provideMerge(RuntimeManager.layer)))
const onStore = Effect.provide(
  FussyLayer.pipe(Layer.provideMerge(RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))))
)

it.effect("P9 what cannot be encoded is the same only where it is equal", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Fussy, { id: "fussy" })
    const put = (secret: string) => manager.send("fussy", { type: "Put", payload: { secret } }, { id: "put" })
    yield* put("one")
    assert.strictEqual((yield* Effect.flip(put("two")))._tag, "ActivityConflict")
    yield* put("one")
    yield* runtime.send(Tear.make({ text: "torn" }), { id: "tear" })
    assert.strictEqual(
      (yield* Effect.flip(runtime.send(Tear.make({ text: "x" }), { id: "tear" })))._tag,
      "ActivityConflict"
    )
    yield* runtime.send(Tear.make({ text: "torn" }), { id: "tear" })
  }).pipe(inMemory)
)

it.effect(
  "P1 D1 a payload at which its encoder throws cannot be stored, and is refused; a reply is told to who asks alone",
  () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Fussy)
      assert.strictEqual((yield* Effect.flip(runtime.send(Tear.make({ text: "torn" }))))._tag, "ActivityInvalid")
      assert.strictEqual(yield* runtime.ask(Echo.make({ text: "torn" }), { id: "torn" }), "torn")
      assert.notProperty(yield* runtime.receipt("torn"), "reply")
      assert.strictEqual((yield* runtime.info).metrics.restarts, 0)
    }).pipe(onStore)
)
