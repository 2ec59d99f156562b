import { RuntimeConfig, RuntimeManager, type Subscription, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, type AgentEvent, type Priority } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, type Pull, Schema, Stream } from "effect"
import * as fc from "fast-check"

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
const Even = ActivityType.make("Even", { payload: { fails: Schema.Boolean }, error: Refused })
const Odd = ActivityType.make("Odd", { payload: { fails: Schema.Boolean }, error: Refused })
const Numbers = Agent.make("Numbers", { state: Schema.Int, initialState: 0, activities: [Even, Odd] })
const handle = ({ payload }: { readonly payload: { readonly fails: boolean } }, n: number) =>
  payload.fails ? Effect.fail(new Refused()) : Effect.succeed(n + 1)
const NumbersLayer = Workflow.layer(Numbers, { Even: handle, Odd: handle })

type Options = Subscription.SubscriptionOptions<typeof Numbers>
type Event = AgentEvent.AgentEvent<typeof Numbers>

/** What subscribers should see, said in full: an event is its sequence, a gap its ends. */
interface Logged {
  readonly sequence: number
  readonly type: "Even" | "Odd"
  readonly fails: boolean
  readonly priority: Priority.Priority
}

class ModelReader {
  private readonly log: ReadonlyArray<Logged>
  private readonly retention: number
  private readonly options: Options
  private readonly capacity: number
  private cursor: number
  private isLive: boolean

  constructor(log: ReadonlyArray<Logged>, retention: number, options: Options, cursor: number, capacity: number) {
    this.log = log
    this.retention = retention
    this.options = options
    this.cursor = cursor
    this.capacity = capacity
    this.isLive = cursor === log.length
  }

  private wants({ fails, priority, type }: Logged): boolean {
    const { outcomes = ["processed"], priorities, types } = this.options
    return (
      outcomes.includes(fails ? "failed" : "processed") &&
      (types === undefined || types.includes(type)) &&
      (priorities === undefined || priorities.includes(priority))
    )
  }

  /** A live reader keeps the last `capacity` of what it wants; one that catches up reads all that the log still has. */
  read(): ReadonlyArray<string> {
    const unread = this.log.slice(this.cursor)
    const first = this.log.length - this.retention
    const out: Array<string> = []
    let wanted: ReadonlyArray<Logged>
    if (this.isLive) {
      const all = unread.filter((event) => this.wants(event))
      wanted = all.slice(-this.capacity)
      const lost = all.slice(0, all.length - wanted.length)
      if (lost.length > 0) out.push(`gap ${lost.length}: ${lost[0]!.sequence}-${lost[lost.length - 1]!.sequence}`)
    } else {
      if (this.cursor < first) out.push(`gap ${first - this.cursor}: ${this.cursor + 1}-${first}`)
      wanted = unread.filter((event) => event.sequence > first && this.wants(event))
    }
    for (const { sequence } of wanted) out.push(`${sequence}`)
    // Where nothing is to be had nobody reads, and who has not read has not caught up.
    if (out.length > 0 || this.isLive) {
      this.cursor = this.log.length
      this.isLive = true
    }
    return out
  }
}

const brief = (event: Event): string =>
  event._tag === "Gap"
    ? `gap ${event.missed}: ${event.from}-${event.to}`
    : "sequence" in event
      ? `${event.sequence}`
      : event._tag

/** Reads what is there; the model says whether anything is, for a pull would wait otherwise. */
const pullAll = Effect.fnUntraced(function* (
  pull: Pull.Pull<ReadonlyArray<Event>, unknown>,
  expected: ReadonlyArray<string>
) {
  const seen: Array<string> = []
  while (seen.length < expected.length) for (const event of yield* pull) seen.push(brief(event))
  assert.deepStrictEqual(seen, expected)
})

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("process" as const),
      type: fc.constantFrom("Even" as const, "Odd" as const),
      fails: fc.boolean(),
      priority: fc.constantFrom("urgent" as const, "standard" as const, "background" as const),
      times: fc.integer({ min: 1, max: 4 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      from: fc.oneof(fc.constantFrom("earliest" as const, "latest" as const), fc.nat({ max: 30 })),
      capacity: fc.integer({ min: 1, max: 5 }),
      types: fc.option(fc.subarray(["Even" as const, "Odd" as const]), { nil: undefined }),
      priorities: fc.option(fc.subarray(["urgent" as const, "standard" as const]), { nil: undefined }),
      outcomes: fc.option(fc.subarray(["processed" as const, "failed" as const]), { nil: undefined })
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), reader: fc.nat({ max: 7 }) }) }
)

const scenario = (
  retention: number,
  commands: ReadonlyArray<typeof command extends fc.Arbitrary<infer C> ? C : never>
) =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Numbers)
    const log: Array<Logged> = []
    const readers: Array<{ readonly model: ModelReader; readonly pull: Pull.Pull<ReadonlyArray<Event>, unknown> }> = []
    for (const step of commands) {
      switch (step.do) {
        case "process": {
          const request = (step.type === "Even" ? Even : Odd).make({ fails: step.fails })
          for (let i = 0; i < step.times; i++) {
            yield* Effect.exit(runtime.ask(request, { priority: step.priority }))
            log.push({ sequence: log.length + 1, type: step.type, fails: step.fails, priority: step.priority })
          }
          break
        }
        case "subscribe": {
          const { capacity, outcomes, priorities, types } = step
          const from = typeof step.from === "number" ? { after: step.from, epoch: runtime.epoch } : step.from
          const options: Options = { from, capacity, outcomes, priorities, types }
          if (typeof from === "object" && from.after > log.length) {
            const error = yield* Effect.flip(runtime.subscription(options))
            assert.strictEqual(error._tag, "CursorInvalid")
            break
          }
          const cursor = from === "latest" ? log.length : from === "earliest" ? 0 : from.after
          const pull = yield* Stream.toPull(yield* runtime.subscription(options))
          readers.push({ pull, model: new ModelReader(log, retention, options, cursor, capacity) })
          break
        }
        case "read": {
          const reader = readers[step.reader]
          if (reader !== undefined) yield* pullAll(reader.pull, reader.model.read())
        }
      }
    }
    yield* runtime.terminate()
    for (const { model, pull } of readers) {
      yield* pullAll(pull, [...model.read(), "End"])
      const end = yield* Effect.flip(pull)
      assert.isTrue(Cause.isDone(end))
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      NumbersLayer.pipe(
        Layer.provideMerge(RuntimeManager.layer),
        Layer.provide(RuntimeConfig.layer({ logRetention: retention, receiptRetention: 1 }))
      )
    )
  )

describe("B5 replay, gaps and cursors", () => {
  it("every subscriber sees what the model says, wherever it starts and however slowly it reads", async () => {
    const result = await fc.check(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.array(command, { maxLength: 30 }), (retention, commands) =>
        Effect.runPromise(scenario(retention, commands))
      ),
      { numRuns: 500 }
    )
    assert.isFalse(result.failed, fc.defaultReportMessage(result))
  })
})
