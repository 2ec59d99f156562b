import { LocalRuntimes, RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Option,
  Schedule,
  Schema,
  Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"

type Config = Parameters<typeof RuntimeConfig.layer>[0]

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
const Add = ActivityType.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })
const Fail = ActivityType.make("Fail", {
  error: Refused,
  retry: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 2 }))
})
const Say = ActivityType.make("Say", { payload: { times: Schema.Int } })
const Hang = ActivityType.make("Hang")
const Sum = Agent.make("Sum", {
  state: Schema.Struct({ total: Schema.Int }),
  initialState: { total: 0 },
  activities: [Add, Fail, Say, Hang],
  emits: Schema.Int
})
const handlers = {
  Add: ({ payload }: { readonly payload: { readonly n: number } }, { total }: { readonly total: number }) =>
    Workflow.reply({ total: total + payload.n }, total + payload.n),
  Fail: () => Effect.fail(new Refused()),
  Hang: () => Effect.never
}
const makeLayer = (options?: Workflow.Options) =>
  Workflow.layer(
    Sum,
    {
      ...handlers,
      Say: Effect.fnUntraced(function* ({ payload }, state, context) {
        for (let i = 0; i < payload.times; i++) yield* context.emit(i)
        return yield* Effect.never
      })
    },
    options
  )
const withConfig = (config: Config, options?: Workflow.Options) =>
  makeLayer(options).pipe(Layer.provideMerge(RuntimeManager.layer), Layer.provide(RuntimeConfig.layer(config)))
const inMemory = withConfig({})

const create = RuntimeManager.RuntimeManager.use((manager) => manager.create(Sum))

describe("RuntimeManager", () => {
  it.effect("R1 maxRuntimes bounds them, and one that ends makes room", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* manager.create(Sum, { id: "a" })
      yield* manager.create(Sum, { id: "b" })
      const error = yield* Effect.flip(manager.create(Sum, { id: "c" }))
      assert.deepInclude(error, { _tag: "TooManyRuntimes", limit: 2 })
      yield* manager.terminate("a")
      yield* manager.create(Sum, { id: "c" })
    }).pipe(Effect.provide(withConfig({ maxRuntimes: 2 })))
  )

  it.effect("P3 whoever still waits for an activity is told of its end, in the order of asking, whoever has left", () =>
    Effect.gen(function* () {
      const runtime = yield* create
      const { activityId } = yield* runtime.send(Hang.make())
      const told: Array<number> = []
      const waiting: Array<Fiber.Fiber<unknown, unknown>> = []
      for (let i = 0; i < 7; i++) {
        const wait = Effect.tap(runtime.awaitReceipt(activityId), () => Effect.sync(() => told.push(i)))
        waiting.push(yield* Effect.forkChild(wait, { startImmediately: true }))
      }
      // The last, the first, one in between and the one beside it.
      for (const i of [6, 0, 3, 4]) yield* Fiber.interrupt(waiting[i]!)
      yield* runtime.cancel(activityId)
      yield* Effect.forEach(waiting, Fiber.await)
      assert.deepStrictEqual(told, [1, 2, 5])
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("R1 ids that are made up differ, also between managers", () =>
    Effect.gen(function* () {
      const ids = new Set<string>()
      for (let round = 0; round < 3; round++) {
        yield* Effect.gen(function* () {
          for (let i = 0; i < 100; i++) ids.add((yield* create).id)
        }).pipe(Effect.provide(inMemory, { local: true }))
      }
      assert.strictEqual(ids.size, 300)
    })
  )

  it.effect("R1 a first state is checked, and the agent must have a workflow", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const other = Agent.make("Other", { state: Schema.Int, initialState: 0, activities: [] })
      assert.deepInclude(yield* Effect.flip(manager.create(other)), { _tag: "AgentNotFound", agent: "Other" })
      const error = yield* Effect.flip(manager.create(Sum, { state: { total: 0.5 } }))
      assert.strictEqual(error._tag, "RequestInvalid")
      if (error._tag === "RequestInvalid") assert.deepStrictEqual([...error.path], ["state", "total"])
      const runtime = yield* manager.create(Sum, { state: { total: 7 } })
      assert.strictEqual(yield* runtime.ask(Add.make({ n: 1 })), 8)
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("R2 in memory nothing of a terminated runtime remains", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* create
      yield* manager.terminate(runtime.id)
      for (const effect of [
        manager.get(runtime.id),
        manager.terminate(runtime.id),
        manager.send(runtime.id, { type: "Hang" })
      ]) {
        assert.strictEqual((yield* Effect.flip(Effect.asVoid(effect)))._tag, "AgentRuntimeNotFound")
      }
      const events = yield* Effect.flip(Stream.runDrain(manager.subscribe(runtime.id)))
      assert.strictEqual(events._tag, "AgentRuntimeNotFound")
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("R6 a manager that closes, or has closed, says so to who creates", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(RuntimeManager.layer, scope)
      const manager = Context.get(context, RuntimeManager.RuntimeManager)
      const local = Context.get(context, LocalRuntimes.LocalRuntimes)
      // The workflow outlives its manager.
      yield* Effect.provide(Layer.build(makeLayer()), context)
      const creates: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        manager.create(Sum),
        manager.getOrCreate(Sum, { id: "sum" }),
        local.create({ state: 0, workflow: (_, n) => Effect.succeed(n) })
      ]
      const refused = Effect.forEach(creates, (create) =>
        Effect.map(Effect.exit(create), (exit) =>
          Exit.isFailure(exit) ? Option.map(Cause.findErrorOption(exit.cause), ({ _tag }) => _tag) : "created"
        )
      )
      const gate = Latch.makeUnsafe()
      const during: Array<unknown> = []
      const runtime = yield* local.create({
        state: 0,
        workflow: (_, n) =>
          gate.await.pipe(
            Effect.andThen(refused),
            Effect.map((tags) => during.push(...tags)),
            Effect.as(n)
          )
      })
      yield* runtime.send({ type: "create" })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(closing)
      const expected = creates.map(() => Option.some("StoreUnavailable"))
      assert.deepStrictEqual(during, expected)
      assert.deepStrictEqual(yield* refused, expected)
    }).pipe(Effect.scoped)
  )

  it.effect("B1 an event is published after its commit: even its filter sees the new state and the final receipt", () =>
    Effect.gen(function* () {
      const runtime = yield* create
      const seen: Array<unknown> = []
      const events = yield* runtime.subscription({
        filter: (event) => {
          if (event._tag !== "Processed") return true
          const { sequence, state } = Effect.runSync(runtime.info)
          const { status } = Effect.runSync(runtime.receipt(event.activityId))
          return seen.push([sequence === event.sequence, state.total, status]) > 0
        }
      })
      for (let i = 0; i < 3; i++) yield* runtime.ask(Add.make({ n: 1 }))
      yield* runtime.terminate()
      assert.strictEqual((yield* Stream.runCollect(events)).length, 4)
      assert.deepStrictEqual(seen, [
        [true, 1, "succeeded"],
        [true, 2, "succeeded"],
        [true, 3, "succeeded"]
      ])
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("P5 a drain cancels pending retries, and what waits for one is told", () =>
    Effect.gen(function* () {
      const runtime = yield* create
      const asking = yield* Effect.forkChild(Effect.flip(runtime.ask(Fail.make())), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* runtime.info).metrics.retried, 2)
      yield* runtime.terminate()
      assert.strictEqual((yield* Fiber.join(asking))._tag, "ActivityCancelled")
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("P6 the timeout is the type's, else the workflow's, else the configured one", () =>
    Effect.gen(function* () {
      for (const [layer, millis] of [
        [withConfig({ activityTimeout: Duration.seconds(3) }), 3000],
        [withConfig({ activityTimeout: Duration.seconds(3) }, { timeout: "2 seconds" }), 2000]
      ] as const) {
        yield* Effect.gen(function* () {
          const runtime = yield* create
          const asking = yield* Effect.forkChild(Effect.flip(runtime.ask(Hang.make())), { startImmediately: true })
          yield* TestClock.adjust(millis - 1)
          assert.isUndefined(asking.pollUnsafe())
          yield* TestClock.adjust(1)
          assert.deepInclude(yield* Fiber.join(asking), { _tag: "ActivityTimedOut", timeoutMillis: millis })
        }).pipe(Effect.provide(layer, { local: true }))
      }
    })
  )

  it.effect('P6 with "Infinity" nothing is timed out', () =>
    Effect.gen(function* () {
      const runtime = yield* create
      const hanging = yield* runtime.send(Hang.make())
      yield* TestClock.adjust("100 days")
      assert.strictEqual((yield* runtime.receipt(hanging.activityId)).status, "running")
      yield* runtime.terminate({ mode: "immediate" })
    }).pipe(Effect.provide(withConfig({}, { timeout: "Infinity" })))
  )

  it.effect("P9 receipts are kept for a time, those still pending always", () =>
    Effect.gen(function* () {
      const runtime = yield* create
      yield* runtime.ask(Add.make({ n: 1 }), { id: "ended" })
      yield* runtime.pause
      yield* runtime.send(Add.make({ n: 1 }), { id: "pending" })
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* runtime.receipt("ended")).status, "succeeded")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Effect.flip(runtime.receipt("ended")))._tag, "ActivityNotFound")
      assert.strictEqual((yield* runtime.receipt("pending")).status, "accepted")
    }).pipe(Effect.provide(withConfig({ receiptTimeToLive: Duration.hours(1) })))
  )

  it.effect("P8 a late subscriber gets what was emitted from a bounded buffer, the newest", () =>
    Effect.gen(function* () {
      const runtime = yield* create
      yield* runtime.send(Say.make({ times: 1000 }))
      yield* Effect.yieldNow
      const events = yield* runtime.subscription()
      yield* runtime.terminate({ mode: "immediate" })
      const values = (yield* Stream.runCollect(events)).flatMap((event) =>
        event._tag === "Emitted" ? [event.value] : []
      )
      assert.isAtLeast(values.length, 10)
      assert.isAtMost(values.length, 20)
      assert.strictEqual(values.at(-1), 999)
    }).pipe(Effect.provide(withConfig({ emittedRetention: 10 })))
  )

  it.effect("P3 a fiber that a workflow left behind may ask its runtime", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      let leave: Effect.Effect<void> = Effect.void
      const runtime = yield* local.create({
        state: 0,
        workflow: ({ type }, n) => (type === "leave" ? Effect.as(leave, n) : Effect.succeed(n + 1))
      })
      let left: Fiber.Fiber<unknown, unknown> | undefined
      const asks = Effect.andThen(Effect.sleep("1 second"), runtime.ask({ type: "tick" }))
      leave = Effect.map(Effect.forkDetach(asks), (fiber) => {
        left = fiber
      })
      yield* runtime.ask({ type: "leave" })
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(left!)))
      assert.strictEqual((yield* runtime.info).state, 1)
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("two workflows for one agent, and one without a handler, are refused at once", () =>
    Effect.gen(function* () {
      const twice = yield* Effect.exit(
        Effect.scoped(
          Layer.build(Layer.merge(makeLayer(), Layer.fresh(makeLayer())).pipe(Layer.provide(RuntimeManager.layer)))
        )
      )
      assert.include(Exit.isFailure(twice) ? Cause.pretty(twice.cause) : "", 'Agent "Sum" has a workflow already')
    })
  )

  it.effect("agents names those that have a workflow", () =>
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      assert.deepStrictEqual(
        (yield* manager.agents).map((agent) => agent.name),
        ["Sum"]
      )
    }).pipe(Effect.provide(inMemory))
  )

  it.effect("LocalRuntimes: sendUnsafe is send without Effect", () =>
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({ state: 0, workflow: (_, n) => Effect.succeed(n + 1) })
      assert.isUndefined(runtime.sendUnsafe({ type: "tick" }, { id: "t" }))
      assert.strictEqual((yield* runtime.awaitReceipt("t")).status, "succeeded")
      yield* runtime.terminate()
      assert.strictEqual(runtime.sendUnsafe({ type: "tick" })?._tag, "AgentRuntimeTerminated")
    }).pipe(Effect.provide(RuntimeManager.layer))
  )
})

describe("RuntimeConfig", () => {
  it("names the limit that is out of range", () => {
    for (const [name, value] of [
      ["mailboxCapacity", 0],
      ["maxRuntimes", -1],
      ["maxSkips", 1.5],
      ["maxPayloadBytes", Number.NaN],
      ["logRetention", -1]
    ] as const) {
      assert.throws(() => RuntimeConfig.make({ [name]: value }), RangeError, name)
    }
  })

  it.effect("is read from the environment, defaults standing in for what is not there", () =>
    Effect.gen(function* () {
      const config = yield* RuntimeConfig.RuntimeConfig
      assert.deepStrictEqual(
        [config.maxRuntimes, config.mailboxCapacity, Duration.toMillis(config.grace), config.maxSkips],
        [7, 9, 1500, RuntimeConfig.defaults.maxSkips]
      )
    }).pipe(
      Effect.provide(RuntimeConfig.layerConfig),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({
          env: {
            AGENT_RUNTIME_MAX_RUNTIMES: "7",
            AGENT_RUNTIME_MAILBOX_CAPACITY: "9",
            AGENT_RUNTIME_GRACE: "1500 millis"
          }
        })
      )
    )
  )

  it.effect("what the environment says wrong is an error that names it", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(RuntimeConfig.layerConfig)))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "MAX_RUNTIMES")
    }).pipe(
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { AGENT_RUNTIME_MAX_RUNTIMES: "many" } })
      )
    )
  )
})
