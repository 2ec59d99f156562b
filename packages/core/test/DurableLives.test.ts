import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, AgentError, type AgentRuntimeId } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Dice, rounds } from "./support/Rounds.ts"
import { makeStore, type Store } from "./support/Store.ts"

/**
 * Random lives over one store, each ended by a crash or in peace, with stores that fail and take their time: what was acknowledged
 * is in the log once, with one end, and the state is what succeeded, in the order of the log.
 */

class No extends Schema.TaggedError<No>()("No", {}) {}
const payload = { yields: Schema.Int }
const retry = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 1 }))
const Add = ActivityType.make("Add", { payload })
const Urgent = ActivityType.make("Urgent", { payload, priority: "urgent" })
const Override = ActivityType.make("Override", { payload, overlap: { interrupt: "supersede" } })
const Preempt = ActivityType.make("Preempt", { payload, overlap: { interrupt: "requeue" } })
const Latest = ActivityType.make("Latest", { payload, overlap: "coalesce" })
const Only = ActivityType.make("Only", { payload, overlap: "reject" })
const Slow = ActivityType.make("Slow", { payload })
const Relay = ActivityType.make("Relay", { payload })
const Retried = ActivityType.make("Retried", { payload, error: No, retry })
const Refuse = ActivityType.make("Refuse", { payload, error: No })
const Die = ActivityType.make("Die", { payload })
const kinds = [Add, Urgent, Override, Preempt, Latest, Only, Slow, Relay, Retried, Refuse, Die] as const
const Log = Agent.make("Log", { state: Schema.Array(Schema.String), initialState: [], activities: kinds })

const yields = (times: number): Effect.Effect<void> =>
  times === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, yields(times - 1))

type Given = Workflow.Activity<typeof Add>
type Seen = ReadonlyArray<string>

const note = ({ id, payload }: Omit<Given, "type">, seen: Seen): Effect.Effect<Seen> =>
  payload.yields === 0 ? Effect.succeed([...seen, id]) : Effect.as(yields(payload.yields), [...seen, id])
const refuse = ({ payload }: Omit<Given, "type">) => Effect.andThen(yields(payload.yields), Effect.fail(new No()))

const LogLayer = Workflow.layer(Log, {
  Add: note,
  Urgent: note,
  Override: note,
  Preempt: note,
  Latest: note,
  Only: note,
  Slow: (activity, seen) => Effect.andThen(Effect.sleep(activity.payload.yields * 10), note(activity, seen)),
  Relay: (activity, seen, context) =>
    Effect.andThen(Effect.orDie(context.send("other", Add.make({ yields: 0 }))), note(activity, seen)),
  Retried: refuse,
  Refuse: refuse,
  Die: ({ payload }) => Effect.andThen(yields(payload.yields), Effect.die("no"))
})

/** A store as one process sees it: it takes its time, fails so many times of a hundred, and once `dead` never answers. */
class Unreliable {
  private readonly store: Store
  private readonly dice: Dice
  dead = false
  faults = 0
  constructor(store: Store, dice: Dice) {
    this.store = store
    this.dice = dice
  }

  private fault(): AgentError.StoreUnavailable | undefined {
    if (this.faults === 0 || this.dice.roll(100) >= this.faults) return undefined
    return new AgentError.StoreUnavailable({ message: "a fault" })
  }

  private get pause(): Effect.Effect<void> {
    return Effect.andThen(
      this.dice.yields,
      Effect.suspend(() => (this.dead ? Effect.never : Effect.void))
    )
  }

  private around<A, E>(operation: Effect.Effect<A, E>): Effect.Effect<A, E | AgentError.StoreUnavailable> {
    return Effect.gen({ self: this }, function* () {
      yield* this.pause
      const fault = this.fault()
      if (fault !== undefined) return yield* fault
      const answer = yield* operation
      yield* this.pause
      return answer
    })
  }

  get service(): Store {
    const { store } = this
    return {
      ...store,
      create: (options) => this.around(store.create(options)),
      open: (id) => this.around(store.open(id)),
      recoverable: (agent) => this.around(store.recoverable(agent)),
      log: (id, options) => this.around(store.log(id, options)),
      write: (writes) =>
        Effect.andThen(this.pause, () =>
          Effect.forEach(writes, (write) => {
            const fault = this.fault()
            if (fault !== undefined) return Effect.succeed(Exit.fail(fault))
            return Effect.map(store.write([write]), ([exit]) => exit!)
          }).pipe(Effect.tap(() => this.pause))
        )
    }
  }
}

const strategies = ["fail", "suspend", "sliding"] as const

/** Time goes on, and what it sets off is given its turns. */
const pass = (times: number) => Effect.repeat(TestClock.adjust("100 millis"), { times })

const round = (dice: Dice) =>
  Effect.gen(function* () {
    const store = yield* makeStore
    const mailboxStrategy = strategies[dice.roll(3)]!
    const acknowledged = new Set<string>()
    let sent = 0
    /** What is done beside what else goes on. */
    const beside = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.forkDetach(Effect.exit(effect), { startImmediately: true })

    const live = Effect.gen(function* () {
      const process = new Unreliable(store, dice)
      const scope = yield* Scope.make()
      const config = {
        grace: Duration.millis(dice.roll(2) * 50),
        maxIdleTime: Duration.millis(1500),
        mailboxCapacity: 6,
        mailboxStrategy
      }
      const layer = LogLayer.pipe(
        Layer.provideMerge(RuntimeManager.layerDurable),
        Layer.provide(Layer.succeed(RuntimeStore.RuntimeStore, process.service)),
        Layer.provide(RuntimeConfig.layer(config))
      )
      const manager = Context.get(yield* Layer.buildWithScope(layer, scope), RuntimeManager.RuntimeManager)
      const runtime = yield* manager.getOrCreate(Log, { id: "it" })
      const other = yield* manager.getOrCreate(Log, { id: "other" })
      // One that reads from the beginning, through every sleep of the runtime.
      const seen: Array<number> = []
      const events = runtime.subscribe({ from: "earliest", outcomes: ["processed", "failed"] })
      const slow = dice.roll(2) === 0
      yield* beside(
        Stream.runForEach(events, (event) => {
          if ("sequence" in event) seen.push(event.sequence)
          return slow ? dice.yields : Effect.void
        })
      )
      return { process, scope, runtime, other, seen }
    })

    const logOf = ({ epoch, id }: { readonly epoch: number; readonly id: AgentRuntimeId.AgentRuntimeId }) =>
      Effect.map(store.log(id, { epoch, after: 0, limit: Number.POSITIVE_INFINITY }), (log) =>
        log.map(({ entry, sequence }) => ({
          sequence,
          ...(entry as { readonly id: string; readonly type: string; readonly status: string })
        }))
      )

    const consecutive = (sequences: ReadonlyArray<number>, what: string): void =>
      assert.deepStrictEqual(
        sequences,
        sequences.map((_, i) => i + 1),
        what
      )

    for (let lives = 1 + dice.roll(4); lives > 0; lives--) {
      const { process, runtime, scope, seen } = yield* live
      process.faults = dice.roll(2) * 15
      const someId = () => `a${dice.roll(sent)}`
      const someTime = Effect.map(Clock.currentTimeMillis, (now) =>
        dice.roll(8) === 0 ? now + dice.roll(200) : undefined
      )
      for (let steps = 5 + dice.roll(20); steps > 0; steps--) {
        const step = dice.roll(11)
        if (step < 7) {
          const id = sent > 0 && dice.roll(6) === 0 ? someId() : `a${sent++}`
          const request = kinds[dice.roll(kinds.length)]!.make({ yields: dice.roll(4) })
          const options = { id, deliverAt: yield* someTime, expiresAt: yield* someTime }
          const acknowledge = () => Effect.sync(() => process.dead || acknowledged.add(id))
          const sender = yield* beside(Effect.tap(runtime.send(request, options), acknowledge))
          if (dice.roll(5) === 0) yield* beside(Effect.andThen(dice.yields, Fiber.interrupt(sender)))
        } else if (step === 7 && sent > 0) yield* beside(runtime.cancel(someId()))
        else if (step === 8) yield* beside(dice.roll(2) === 0 ? runtime.pause : runtime.resume)
        else if (step === 9) yield* TestClock.adjust(dice.roll(400))
        // Long enough for an idle runtime to be left to the store.
        else if (step === 10 && dice.roll(2) === 0) yield* pass(20)
        yield* dice.yields
      }
      if (dice.roll(3) === 0) {
        process.faults = 0
        const closing = yield* beside(Scope.close(scope, Exit.void))
        yield* pass(20)
        yield* Fiber.join(closing)
      }
      process.dead = true
      consecutive(seen, "what a subscriber saw")
    }

    const { other, runtime, scope, seen } = yield* live
    yield* beside(runtime.resume)
    yield* pass(80)
    // By now it sleeps: its subscriber sees what wakes it.
    yield* beside(runtime.send(Add.make({ yields: 0 })))
    yield* pass(12)
    // What the store has is in effect a little later, and read after that.
    for (let i = 0; i < 50 && seen.length < (yield* logOf(runtime)).length; i++) yield* pass(1)
    const log = yield* logOf(runtime)
    const sequences = log.map(({ sequence }) => sequence)
    consecutive(sequences, "the log")
    assert.deepStrictEqual(seen, sequences, "a subscriber sees all of the log")
    const ids = new Set(log.map(({ id }) => id))
    assert.strictEqual(ids.size, log.length, "one end each")
    for (const id of acknowledged) assert.isTrue(ids.has(id), `${id} was acknowledged`)
    const succeeded = log.filter(({ status }) => status === "succeeded")
    const info = yield* runtime.info
    assert.deepStrictEqual(
      info.state,
      succeeded.map(({ id }) => id),
      "the state is what succeeded"
    )
    assert.include(["idle", "error"], info.status)
    const relayed = succeeded
      .filter(({ type }) => type === "Relay")
      .map(({ id }) => `${runtime.id}:${runtime.epoch}:${id}:0`)
    const arrived = (yield* logOf(other)).map(({ id }) => id)
    assert.deepStrictEqual(arrived.sort(), relayed.sort(), "what was sent has arrived once")
    const closing = yield* beside(Scope.close(scope, Exit.void))
    yield* pass(3)
    yield* Fiber.join(closing)
  }).pipe(Effect.provide(TestClock.layer()))

it.live("D1 D2 D6 what is acknowledged survives crashes, ends and faults, once and in order", () => rounds(400, round))
