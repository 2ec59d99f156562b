import { type AgentRuntime, LocalRuntimes, RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, Fiber, Layer, Schema, Stream } from "effect"

/** What only JavaScript, or a cast, lets pass. */
const odd = <A>(value: unknown): A => value as A

const counter = Effect.flatMap(LocalRuntimes.LocalRuntimes, (local) =>
  local.create({ state: 0, workflow: (_, n) => Effect.succeed(n + 1) })
)

const inMemory = RuntimeManager.layer.pipe(Layer.provide(RuntimeConfig.layer({ maxPayloadBytes: 1000 })))

describe("odd inputs", () => {
  it.effect("P1 what is said beside the payload is validated and bounded as well, by the path of its fault", () =>
    Effect.gen(function* () {
      const runtime = yield* counter
      const long = "x".repeat(1001)
      for (const [options, path] of [
        [{ id: 5 }, ["id"]],
        [{ id: null }, ["id"]],
        [{ correlationId: 5 }, ["correlationId"]],
        [{ correlationId: long }, ["correlationId"]],
        [{ source: Symbol("source") }, ["source"]],
        [{ source: long }, ["source"]],
        [{ metadata: "text" }, ["metadata"]],
        [{ metadata: ["text"] }, ["metadata"]],
        [{ metadata: { fine: "text", wrong: { nested: 1 } } }, ["metadata", "wrong"]],
        [{ metadata: { long } }, ["metadata"]]
      ] as const) {
        const error = yield* Effect.flip(runtime.send({ type: "tick" }, odd(options)))
        assert.deepInclude(error, { _tag: "ActivityInvalid", path })
      }
      yield* runtime.ask({ type: "tick" }, { metadata: { fine: "text" }, correlationId: "c", source: "s" })
      assert.strictEqual((yield* runtime.info).state, 1)
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("P1 a payload is measured with what its maps and sets hold", () =>
    Effect.gen(function* () {
      const runtime = yield* counter
      const long = "x".repeat(1001)
      for (const payload of [new Map([["key", long]]), new Set([long]), { deep: [new Map([[long, 1]])] }]) {
        assert.strictEqual((yield* Effect.flip(runtime.send({ type: "tick", payload })))._tag, "ActivityInvalid")
      }
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("P1 what is not ASCII counts as the bytes that it takes", () =>
    Effect.gen(function* () {
      const runtime = yield* counter
      const becomes = (expected: string, payload: unknown, options?: AgentRuntime.SendOptions) =>
        Effect.map(Effect.exit(runtime.send({ type: "tick", payload }, options)), (exit) => {
          const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : { _tag: "accepted" }
          assert.deepInclude(error, { _tag: expected })
        })
      for (const [text, bytes] of [
        ["a", 1],
        ["é", 2],
        ["€", 3],
        ["😀", 4]
      ] as const) {
        const within = text.repeat(Math.floor(990 / bytes))
        yield* becomes("accepted", within)
        yield* becomes("accepted", 1, { source: within })
        const beyond = text.repeat(Math.ceil(1001 / bytes))
        const tenth = text.repeat(Math.ceil(100 / bytes))
        for (const payload of [beyond, { text: beyond }, { [beyond]: 1 }, Array.from({ length: 10 }, () => tenth)]) {
          yield* becomes("ActivityInvalid", payload)
        }
        yield* becomes("ActivityInvalid", 1, { source: beyond })
        yield* becomes("ActivityInvalid", 1, { metadata: { beyond } })
      }
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("R1 an id that is no string is a typed error as any other", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const local = yield* LocalRuntimes.LocalRuntimes
      for (const id of [5, {}, true]) {
        const workflow = () => Effect.succeed(0)
        const refused = yield* Effect.flip(local.create({ id: odd<string>(id), state: 0, workflow }))
        assert.strictEqual(refused._tag, "RuntimeIdInvalid")
        assert.strictEqual((yield* Effect.flip(manager.get(odd(id))))._tag, "AgentRuntimeNotFound")
      }
      assert.strictEqual((yield* Effect.flip(manager.get(odd(null))))._tag, "AgentRuntimeNotFound")
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("P4 an initial state that does not fit its schema is refused with the workflow", () =>
    Effect.gen(function* () {
      const Half = Agent.make("Half", {
        state: Schema.Struct({ total: Schema.Int }),
        initialState: { total: 0.5 },
        activities: []
      })
      const layer = Workflow.layer(Half, {}).pipe(Layer.provide(inMemory))
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", `initialState of agent "Half" does not fit`)
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "at total")
    })
  )

  it.effect("P5 what was thrown is told, also where it is no error", () =>
    Effect.gen(function* () {
      const Throw = ActivityType.make("Throw")
      const Thrower = Agent.make("Thrower", { state: Schema.Void, initialState: undefined, activities: [Throw] })
      const layer = Workflow.layer(Thrower, { Throw: () => Effect.die(Symbol("why")) }).pipe(
        Layer.provideMerge(inMemory)
      )
      const error = yield* Effect.flatMap(RuntimeManager.RuntimeManager, (manager) => manager.create(Thrower)).pipe(
        Effect.flatMap((runtime) => Effect.flip(runtime.ask(Throw.make()))),
        Effect.provide(layer)
      )
      assert.deepInclude(error, { _tag: "WorkflowDefect", message: "Symbol(why)" })
    })
  )

  it.effect("B4 a subscription is refused for its own fault, and harms no other", () =>
    Effect.gen(function* () {
      const runtime = yield* counter
      const events = yield* runtime.subscription()
      const seen = yield* Effect.forkChild(Stream.runCollect(events), { startImmediately: true })
      for (const capacity of [0, 1.5, Number.NaN, odd<number>("5")]) {
        const exit = yield* Effect.exit(runtime.subscription({ capacity, strategy: "disconnect" }))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", `capacity must be a whole number`)
      }
      for (const epoch of [1.5, Number.NaN]) {
        const refused = yield* Effect.flip(runtime.subscription({ from: { after: 0, epoch } }))
        assert.strictEqual(refused._tag, "CursorInvalid")
      }
      for (let i = 0; i < 5; i++) yield* runtime.send({ type: "tick" })
      yield* runtime.terminate()
      assert.strictEqual((yield* Fiber.join(seen)).length, 6)
    }).pipe(Effect.scoped, Effect.provide(inMemory))
  )
})

describe("RuntimeConfig", () => {
  it("names a limit that is missing, unknown or out of range", () => {
    for (const [options, name] of [
      [{ mailboxCapacity: { urgent: 1, standard: 1 } }, "mailboxCapacity.background"],
      [{ mailboxStrategy: "dropping" }, "mailboxStrategy"],
      [{ statePolicy: "some" }, "statePolicy"],
      [{ grace: Duration.seconds(-1) }, "grace"],
      [{ activityTimeout: "soon" }, "activityTimeout"],
      [{ receiptTimeToLive: Duration.millis(-1) }, "receiptTimeToLive"],
      [{ maxIdleTime: Number.NaN }, "maxIdleTime"]
    ] as const) {
      assert.throws(() => RuntimeConfig.make(odd(options)), RangeError, `RuntimeConfig: ${name} must be`)
    }
  })

  it("takes what is undefined for not given", () => {
    assert.deepStrictEqual(RuntimeConfig.make(odd({ grace: undefined, maxSkips: undefined })), RuntimeConfig.defaults)
  })

  for (const [variable, value] of [
    ["MAX_RUNTIMES", "0"],
    ["MAILBOX_CAPACITY", "1.5"],
    ["LOG_RETENTION", "-1"],
    ["GRACE", "-5 seconds"],
    ["ACTIVITY_TIMEOUT", "soon"]
  ] as const) {
    it.effect(`AGENT_RUNTIME_${variable}=${value} is an error that names it, not a defect`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(RuntimeConfig.layerConfig)))
        assert.include(String(error), variable)
      }).pipe(
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromEnv({ env: { [`AGENT_RUNTIME_${variable}`]: value } })
        )
      )
    )
  }
})
