import { Effect, Fiber, Stream } from "effect"
import {
  anywhere,
  brief,
  type Case,
  fate,
  finish,
  infoWhere,
  inProcess,
  probe,
  type ProbeRuntime,
  sent,
  unique,
  watch
} from "./case.ts"
import { fails, same } from "./expect.ts"
import * as Gate from "./gate.ts"
import { limits } from "./limits.ts"
import { Add, Alarm, Note, Refuse, Say } from "./probe.ts"

const add = (runtime: ProbeRuntime, times: number) =>
  Effect.forEach(Array.from({ length: times }), () => runtime.ask(Add.make({ n: 1 })), { discard: true })

/** B: what subscribers see. */
export const broadcasting: ReadonlyArray<Case> = [
  anywhere("B1", "every subscriber gets every event, in commit order, after its commit", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime)
    const states = yield* runtime.subscription()
    const other = yield* states.pipe(
      Stream.take(5),
      Stream.mapEffect((event) => Effect.map(runtime.info, (info) => [event, info] as const)),
      Stream.runCollect,
      Effect.forkScoped
    )
    yield* add(runtime, 5)
    for (const [event, info] of yield* Fiber.join(other)) {
      const sequence = event._tag === "Processed" ? event.sequence : 0
      yield* same("committed before it is told", info.state.total >= sequence && info.sequence >= sequence, true)
    }
    yield* same("events", (yield* finish(runtime, reader)).map(brief), [
      "1 Add 1",
      "2 Add 2",
      "3 Add 3",
      "4 Add 4",
      "5 Add 5",
      "end terminated"
    ])
  }),
  anywhere("B2", "the log has no holes; failures are seen where asked for, and end no stream", function* () {
    const runtime = yield* probe
    const all = yield* watch(runtime, { outcomes: ["processed", "failed"] })
    const processed = yield* watch(runtime)
    const failed = yield* watch(runtime, { outcomes: ["failed"] })
    yield* runtime.ask(Add.make({ n: 1 }))
    yield* Effect.flip(runtime.ask(Refuse.make({ reason: "no" })))
    yield* runtime.ask(Add.make({ n: 1 }))
    yield* runtime.terminate()
    const seen = [yield* Fiber.join(all), yield* Fiber.join(processed), yield* Fiber.join(failed)]
    yield* same(
      "events",
      seen.map((events) => events.map(brief)),
      [
        ["1 Add 1", "2 Refuse Refused", "3 Add 2", "end terminated"],
        ["1 Add 1", "3 Add 2", "end terminated"],
        ["2 Refuse Refused", "end terminated"]
      ]
    )
    for (const event of seen[0]!) if ("epoch" in event) yield* same("epoch", event.epoch, runtime.epoch)
  }),
  inProcess("B2", "a subscription that starts while an activity runs first gets what it has emitted", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    yield* add(runtime, 2)
    const id = yield* sent(runtime, Say.make({ words: ["a", "b"], gate }))
    yield* Gate.reached(gate)
    const latest = yield* watch(runtime)
    const earliest = yield* watch(runtime, { from: "earliest" })
    yield* Gate.open(gate)
    yield* fate(runtime, id)
    yield* same("latest", (yield* finish(runtime, latest)).map(brief), [
      "Say 1.0 a",
      "Say 1.1 b",
      "3 Say",
      "end terminated"
    ])
    const replayed = (yield* Fiber.join(earliest)).map(brief)
    yield* same(
      "earliest",
      replayed.filter((event) => !event.startsWith("Say")),
      ["1 Add 1", "2 Add 2", "3 Say", "end terminated"]
    )
  }),
  inProcess("B2", "the backlog of what is emitted overruns no queue, however small", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const id = yield* sent(runtime, Say.make({ words: ["a", "b", "c"], gate }))
    yield* Gate.reached(gate)
    const events = yield* runtime.subscription({ capacity: 1, strategy: "disconnect" })
    const reader = yield* events.pipe(Stream.runCollect, Effect.forkScoped({ startImmediately: true }))
    yield* Gate.open(gate)
    yield* fate(runtime, id)
    yield* same("events", (yield* finish(runtime, reader)).map(brief), [
      "Say 1.0 a",
      "Say 1.1 b",
      "Say 1.2 c",
      "1 Say",
      "end terminated"
    ])
  }),
  anywhere("B3", "a subscription sees what is sent after it, and is released with its scope", function* () {
    const runtime = yield* probe
    yield* Effect.scoped(
      Effect.gen(function* () {
        const events = yield* runtime.subscription()
        yield* runtime.send(Add.make({ n: 1 }))
        const first = yield* events.pipe(Stream.take(1), Stream.runCollect)
        yield* same("seen", first.map(brief), ["1 Add 1"])
      })
    )
    yield* infoWhere(runtime, (info) => info.subscribers.length === 0)
    yield* same(
      "from a stream",
      yield* runtime.subscribe({ from: "earliest" }).pipe(Stream.take(1), Stream.map(brief), Stream.runCollect),
      ["1 Add 1"]
    )
    yield* infoWhere(runtime, (info) => info.subscribers.length === 0)
  }),
  inProcess("B4", "a slow subscriber is told how much it lost, delays nobody and harms no other", function* () {
    const runtime = yield* probe
    const slow = yield* runtime.subscription({ capacity: 2 })
    const fast = yield* watch(runtime)
    yield* add(runtime, 6)
    yield* runtime.terminate()
    yield* same("slow", (yield* Stream.runCollect(slow)).map(brief), [
      "gap 4: 1-4",
      "5 Add 5",
      "6 Add 6",
      "end terminated"
    ])
    yield* same("fast", (yield* Fiber.join(fast)).length, 7)
  }),
  inProcess("B4", "a gap never names what is still delivered", function* () {
    const runtime = yield* probe
    const events = yield* runtime.subscription({ capacity: 3 })
    // What is emitted goes first, then the oldest of the four that are committed.
    for (const words of [["a"], [], [], []]) yield* fate(runtime, yield* sent(runtime, Say.make({ words })))
    yield* runtime.terminate()
    yield* same("events", (yield* Stream.runCollect(events)).map(brief), [
      "gap 2: 1-1",
      "2 Say",
      "3 Say",
      "4 Say",
      "end terminated"
    ])
  }),
  inProcess("B4", "with disconnect a slow subscriber is cut off", function* () {
    const runtime = yield* probe
    const slow = yield* runtime.subscription({ capacity: 2, strategy: "disconnect" })
    yield* add(runtime, 3)
    yield* fails("the stream", Stream.runDrain(slow), "SubscriberLagged")
    yield* same("subscribers", (yield* runtime.info).subscribers, [])
  }),
  anywhere("B5", "replay joins the live stream with no gap and no duplicate", function* () {
    const runtime = yield* probe
    yield* add(runtime, 3)
    const readers = [
      yield* watch(runtime, { from: "earliest" }),
      yield* watch(runtime, { from: { after: 2, epoch: runtime.epoch } }),
      yield* watch(runtime, { from: "latest" })
    ]
    yield* add(runtime, 2)
    yield* runtime.terminate()
    const expected = ["1 Add 1", "2 Add 2", "3 Add 3", "4 Add 4", "5 Add 5", "end terminated"]
    const seen: Array<ReadonlyArray<string>> = []
    for (const reader of readers) seen.push((yield* Fiber.join(reader)).map(brief))
    yield* same("events", seen, [expected, expected.slice(2), expected.slice(3)])
  }),
  anywhere("B5", "what is past retention is named by a gap, everything else is delivered", function* () {
    const runtime = yield* probe
    const total = limits.logRetention + 5
    yield* add(runtime, total)
    const reader = yield* watch(runtime, { from: "earliest" })
    const events = yield* finish(runtime, reader)
    let next = 1
    for (const event of events) {
      if (event._tag === "Gap") {
        yield* same("a gap comes first", [event.from, next], [1, 1])
        yield* same("its number", event.missed, event.to)
        next = event.to + 1
      } else if (event._tag === "Processed") yield* same("sequence", event.sequence, next++)
    }
    yield* same("all", next, total + 1)
  }),
  anywhere("B5", "a cursor ahead of the log or of another epoch fails", function* () {
    const runtime = yield* probe
    yield* add(runtime, 1)
    const from = (after: number, epoch?: number) => Effect.scoped(runtime.subscription({ from: { after, epoch } }))
    yield* fails("ahead", from(2), "CursorInvalid")
    yield* fails("negative", from(-1), "CursorInvalid")
    yield* fails("another epoch", from(1, runtime.epoch + 1), "EpochMismatch")
    yield* fails("as a stream", Stream.runDrain(runtime.subscribe({ from: { after: 2 } })), "CursorInvalid")
  }),
  anywhere("B6", "filters by type, priority and predicate run before the queue", function* () {
    const runtime = yield* probe
    const types = yield* watch(runtime, { types: ["Alarm"] })
    const priorities = yield* watch(runtime, { priorities: ["background"] })
    const predicate = yield* watch(runtime, {
      filter: (event) => event._tag === "Processed" && event.sequence % 2 === 0
    })
    yield* fate(runtime, yield* sent(runtime, Note.make({ text: "a" })))
    yield* fate(runtime, yield* sent(runtime, Alarm.make({ text: "b" })))
    yield* fate(runtime, yield* sent(runtime, Note.make({ text: "c" }), { priority: "background" }))
    yield* runtime.terminate()
    const seen: Array<ReadonlyArray<string>> = []
    for (const reader of [types, priorities, predicate]) seen.push((yield* Fiber.join(reader)).map(brief))
    yield* same("events", seen, [
      ["2 Alarm", "end terminated"],
      ["3 Note", "end terminated"],
      ["2 Alarm", "end terminated"]
    ])
  }),
  inProcess("B6", "a predicate that throws ends its own subscription only", function* () {
    const runtime = yield* probe
    const hostile = yield* runtime.subscription({
      filter: () => {
        throw new Error("thrown by a filter")
      }
    })
    const other = yield* watch(runtime)
    yield* add(runtime, 1)
    const exit = yield* Effect.exit(Stream.runDrain(hostile))
    yield* same("the hostile one", exit._tag, "Failure")
    yield* same("the others", (yield* finish(runtime, other)).map(brief), ["1 Add 1", "end terminated"])
  }),
  inProcess("B7", "the info counts what each subscriber got, refused, lost and has waiting", function* () {
    const runtime = yield* probe
    const events = yield* runtime.subscription({ name: "counted", types: ["Add"], capacity: 2 })
    yield* add(runtime, 3)
    yield* fate(runtime, yield* sent(runtime, Note.make({ text: "filtered" })))
    const counts = Effect.map(runtime.info, (info) =>
      info.subscribers.map(({ delivered, dropped, filtered, lag, name }) => [name, delivered, filtered, dropped, lag])
    )
    yield* same("before it reads", yield* counts, [["counted", 0, 1, 1, 2]])
    yield* events.pipe(Stream.take(3), Stream.runDrain)
    // The gap is delivered too.
    yield* same("after it has read", yield* counts, [["counted", 3, 1, 1, 0]])
  }),
  anywhere("B8", "changes tells the latest info and ends with the runtime", function* () {
    const runtime = yield* probe
    const statuses = yield* Effect.forkScoped(Stream.runLast(runtime.changes), { startImmediately: true })
    yield* add(runtime, 3)
    const info = yield* infoWhere(runtime, (info) => info.sequence === 3)
    yield* same("state", info.state.total, 3)
    yield* runtime.terminate()
    const last = yield* Fiber.join(statuses)
    yield* same("last", last._tag === "Some" ? last.value.status : undefined, "terminated")
  }),
  anywhere("B9", "a runtime's end is an End event, then the stream ends", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime)
    yield* runtime.terminate({ mode: "immediate" })
    yield* same("events", (yield* Fiber.join(reader)).map(brief), ["end terminated"])
  })
]
