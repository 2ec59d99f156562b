import { RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent, type Priority, Receipt } from "@agent-runtime/schema"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Metric, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { Census, noRuntimes } from "./support/Census.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
const Plain = ActivityType.make("Plain")
const Slow = ActivityType.make("Slow", { payload: { millis: Schema.Int }, timeout: 500 })
const Flaky = ActivityType.make("Flaky", {
  payload: { failures: Schema.Int },
  error: Refused,
  retry: Schedule.spaced(100).pipe(Schedule.upTo({ times: 2 }))
})
const Die = ActivityType.make("Die")
const Override = ActivityType.make("Override", { overlap: { interrupt: "supersede" } })
const Preempt = ActivityType.make("Preempt", { overlap: { interrupt: "requeue" } })
const Latest = ActivityType.make("Latest", { overlap: "coalesce" })
const Only = ActivityType.make("Only", { overlap: "reject" })

/** Its state is the ids of what succeeded, in order. */
const Diary = Agent.make("Diary", {
  state: Schema.Array(Schema.String),
  initialState: [],
  activities: [Plain, Slow, Flaky, Die, Override, Preempt, Latest, Only]
})
const note = ({ id }: { readonly id: string }, ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.succeed([...ids, id])
const DiaryLayer = Workflow.layer(Diary, {
  Plain: note,
  Slow: (activity, ids) => Effect.andThen(Effect.sleep(activity.payload.millis), note(activity, ids)),
  Flaky: (activity, ids) =>
    activity.attempts <= activity.payload.failures ? Effect.fail(new Refused()) : note(activity, ids),
  Die: () => Effect.die("died"),
  Override: note,
  Preempt: note,
  Latest: note,
  Only: note
})

const millis = fc.integer({ min: 0, max: 800 })
/** At the very moment of its timeout an activity may end either way. */
const work = millis.filter((millis) => millis !== 500)
const request = fc.oneof(
  { weight: 4, arbitrary: fc.constant(Plain.make()) },
  { weight: 3, arbitrary: work.map((millis) => Slow.make({ millis })) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 4 }).map((failures) => Flaky.make({ failures })) },
  fc.constantFrom(Die.make(), Override.make(), Preempt.make(), Latest.make(), Only.make())
)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      request,
      priority: fc.constantFrom<Array<Priority.Priority>>("urgent", "standard", "background"),
      delay: fc.option(millis, { nil: undefined, freq: 5 }),
      expiry: fc.option(millis, { nil: undefined, freq: 5 })
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), millis }) },
  fc.record({ do: fc.constant("cancel" as const), index: fc.nat({ max: 20 }) }),
  fc.record({ do: fc.constantFrom("pause" as const, "resume" as const, "replay" as const, "yield" as const) })
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const life = (steps: ReadonlyArray<Step>, mode: "drain" | "immediate", census: Census) =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    const runtime = yield* manager.create(Diary)
    const reader = yield* runtime
      .subscribe({ outcomes: ["processed", "failed"] })
      .pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
    const ids: Array<string> = []
    /** Those that run into their timeout, if they are let. */
    const slow = new Set<string>()
    let replays = 0
    let now = 0
    for (const step of steps) {
      switch (step.do) {
        case "send": {
          const sent = yield* Effect.result(
            runtime.send(step.request, {
              priority: step.priority,
              ...(step.delay === undefined ? {} : { deliverAt: now + step.delay }),
              ...(step.expiry === undefined ? {} : { expiresAt: now + step.expiry })
            })
          )
          if (sent._tag === "Success") {
            ids.push(sent.success.activityId)
            const { payload } = step.request
            if (
              typeof payload === "object" &&
              payload !== null &&
              "millis" in payload &&
              Number(payload.millis) >= 500
            ) {
              slow.add(sent.success.activityId)
            }
          } else assert.include(["MailboxFull", "AgentRuntimeBusy"], sent.failure._tag)
          break
        }
        case "pass":
          now += step.millis
          yield* TestClock.adjust(step.millis)
          break
        case "cancel": {
          const id = ids[step.index]
          if (id !== undefined) assert.isFalse(Receipt.isPending(yield* runtime.cancel(id)))
          break
        }
        case "pause":
          yield* runtime.pause
          break
        case "resume":
          yield* runtime.resume
          break
        case "replay": {
          const [letter] = yield* runtime.deadLetters
          if (letter !== undefined && (yield* Effect.result(runtime.replay(letter.activityId)))._tag === "Success")
            replays++
          break
        }
        case "yield":
          yield* Effect.yieldNow
      }
    }
    const ending = yield* Effect.forkChild(runtime.terminate({ mode }), { startImmediately: true })
    yield* TestClock.adjust("30 minutes")
    yield* Fiber.join(ending)

    const events = yield* Fiber.join(reader)
    const ended = events.filter((event) => event._tag === "Processed" || event._tag === "Failed")
    assert.strictEqual(events.at(-1)?._tag, "End")
    assert.strictEqual(events.length, ended.length + 1, "no gap, nothing after the end")
    assert.deepStrictEqual(
      ended.map(({ sequence }) => sequence),
      ended.map((_, i) => i + 1),
      "the log has no holes"
    )
    assert.strictEqual(ended.length, ids.length + replays, "one end for each activity, and one more for each replay")
    assert.deepStrictEqual(new Set(ended.map(({ activityId }) => activityId as string)), new Set(ids))
    const succeeded = ended.filter((event) => event._tag === "Processed").map(({ activityId }) => activityId as string)
    const info = yield* runtime.info
    assert.deepStrictEqual(info.state, succeeded, "the state is what succeeded, in order")
    assert.strictEqual(info.metrics.processed, succeeded.length)
    assert.deepStrictEqual([info.status, info.metrics.inFlight, info.metrics.delayed], ["terminated", 0, 0])
    for (const id of ids) {
      const receipt = yield* runtime.receipt(id)
      assert.isFalse(Receipt.isPending(receipt), `${id} is ${receipt.status}`)
      assert.strictEqual(receipt.status === "succeeded", succeeded.includes(id))
      if (receipt.error?._tag === "ActivityTimedOut") assert.isTrue(slow.has(id), "timed out before its time")
      if (slow.has(id)) assert.notStrictEqual(receipt.status, "succeeded")
      if (mode === "drain") assert.notStrictEqual(receipt.error?._tag, "AgentRuntimeTerminated")
    }
    yield* noRuntimes
    yield* census.expect(0)
  })

describe("whatever happens in a life", () => {
  it("R2 P5 every accepted activity ends once, the state is what succeeded, and nothing is left", async () => {
    const result = await fc.check(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom("drain" as const, "immediate" as const),
        (steps, mode) => {
          const census = new Census()
          return life(steps, mode, census).pipe(
            Effect.provideService(Metric.FiberRuntimeMetrics, undefined),
            Effect.provide(
              DiaryLayer.pipe(
                Layer.provideMerge(RuntimeManager.layer),
                Layer.provide(
                  Layer.merge(RuntimeConfig.layer({ mailboxCapacity: 4, grace: Duration.hours(1) }), census.layer)
                )
              )
            ),
            Effect.provide(TestClock.layer()),
            Effect.runPromise
          )
        }
      ),
      { numRuns: 400 }
    )
    assert.isFalse(result.failed, fc.defaultReportMessage(result))
  })
})
