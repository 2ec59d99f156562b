import { Clock, Effect, Fiber } from "effect"
import { RuntimeManager } from "../../RuntimeManager.ts"
import {
  anywhere,
  begin,
  brief,
  type Case,
  fate,
  finish,
  infoWhere,
  inProcess,
  pass,
  probe,
  type ProbeRuntime,
  sent,
  unique,
  watch
} from "./case.ts"
import { fails, same } from "./expect.ts"
import * as Gate from "./gate.ts"
import { limits } from "./limits.ts"
import { Add, Alarm, Check, Hold, Later, Latest, Note, Only, Override, Preempt, Relay, Say } from "./probe.ts"

const notes = (runtime: ProbeRuntime) => Effect.map(runtime.info, (info) => info.state.notes)

/** P7 to P13: activities among each other, in time and in number. */
export const overlapping: ReadonlyArray<Case> = [
  inProcess("P7", "reject fails while one of its type waits or runs", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    yield* runtime.pause
    const first = yield* sent(runtime, Only.make({ gate }))
    yield* fails("while it waits", runtime.send(Only.make({ gate })), "AgentRuntimeBusy")
    yield* runtime.resume
    yield* Gate.reached(gate)
    yield* fails("while it runs", runtime.send(Only.make({ gate })), "AgentRuntimeBusy")
    yield* Gate.open(gate)
    yield* fate(runtime, first)
    yield* same("afterwards", yield* fate(runtime, yield* sent(runtime, Only.make({ gate }))), "succeeded")
  }),
  anywhere("P7", "coalesce replaces the one that waits, which is superseded", function* () {
    const runtime = yield* probe
    yield* runtime.pause
    const first = yield* sent(runtime, Latest.make({ text: "first" }))
    const second = yield* sent(runtime, Latest.make({ text: "second" }))
    yield* same("the first", yield* fate(runtime, first), "superseded ActivitySuperseded")
    yield* runtime.resume
    yield* same("the second", yield* fate(runtime, second), "succeeded")
    yield* same("notes", yield* notes(runtime), ["second"])
  }),
  anywhere(
    "P7",
    "coalesce: a delayed one replaces what waits when it comes due, and until then is not replaced",
    function* () {
      const runtime = yield* probe
      yield* runtime.pause
      const now = yield* Clock.currentTimeMillis
      const first = yield* sent(runtime, Latest.make({ text: "first" }))
      const delayed = yield* sent(runtime, Latest.make({ text: "delayed" }), { deliverAt: now + 1500 })
      yield* same("the first, before", (yield* runtime.receipt(first)).status, "accepted")
      const second = yield* sent(runtime, Latest.make({ text: "second" }))
      yield* same("the first", yield* fate(runtime, first), "superseded ActivitySuperseded")
      yield* same("the delayed", (yield* runtime.receipt(delayed)).status, "accepted")
      yield* pass("1500 millis")
      yield* same("the second", yield* fate(runtime, second), "superseded ActivitySuperseded")
      yield* runtime.resume
      yield* same("the delayed, when due", yield* fate(runtime, delayed), "succeeded")
      yield* same("notes", yield* notes(runtime), ["delayed"])
    }
  ),
  inProcess("P7", "interrupt goes next, ahead of the mailbox, and supersedes what ran", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const running = yield* sent(runtime, Hold.make({ gate, text: "running" }))
    yield* Gate.reached(gate)
    const urgent = yield* sent(runtime, Alarm.make({ text: "urgent" }))
    const override = yield* sent(runtime, Override.make({ text: "override" }))
    yield* same("what ran", yield* fate(runtime, running), "superseded ActivitySuperseded")
    yield* fate(runtime, override)
    yield* fate(runtime, urgent)
    yield* same("order", yield* notes(runtime), ["override", "urgent"])
    yield* same("interrupted", (yield* runtime.info).metrics.failed.interrupted, 1)
  }),
  inProcess("P7", "interrupt with requeue puts what ran back in its lane", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const running = yield* sent(runtime, Hold.make({ gate, text: "running" }))
    yield* Gate.reached(gate)
    const preempt = yield* sent(runtime, Preempt.make({ text: "preempt" }))
    yield* fate(runtime, preempt)
    yield* Gate.open(gate)
    yield* same("what ran", yield* fate(runtime, running), "succeeded")
    yield* same("attempts", (yield* runtime.receipt(running)).attempts, 2)
    yield* same("order", yield* notes(runtime), ["preempt", "running"])
    yield* same("interrupted", (yield* runtime.info).metrics.failed.interrupted, 1)
  }),
  inProcess("P7", "urgent alone does not interrupt", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const running = yield* sent(runtime, Hold.make({ gate, text: "running" }))
    yield* Gate.reached(gate)
    const urgent = yield* sent(runtime, Alarm.make({ text: "urgent" }))
    yield* Gate.open(gate)
    yield* fate(runtime, running)
    yield* fate(runtime, urgent)
    yield* same("order", yield* notes(runtime), ["running", "urgent"])
  }),
  anywhere("P8", "what a workflow emits arrives as it is said, before its activity", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime)
    const id = yield* sent(runtime, Say.make({ words: ["a", "b"] }))
    yield* fate(runtime, id)
    yield* same("events", (yield* finish(runtime, reader)).map(brief), [
      "Say 1.0 a",
      "Say 1.1 b",
      "1 Say",
      "end terminated"
    ])
  }),
  anywhere("P8", "what a workflow sends goes out when it commits, and never if it does not", function* () {
    const from = yield* probe
    const to = yield* probe
    const refused = yield* sent(from, Relay.make({ to: to.id, text: "refused", refuse: true }))
    yield* fate(from, refused)
    yield* fate(from, yield* sent(from, Relay.make({ to: to.id, text: "sent" })))
    yield* infoWhere(to, (info) => info.state.notes.length > 0)
    yield* same("arrived", yield* notes(to), ["sent"])
    yield* fate(from, yield* sent(from, Relay.make({ to: yield* unique("none"), text: "lost" })))
    const info = yield* infoWhere(from, (info) => info.metrics.deadLetters > 0)
    yield* same("undeliverable", info.metrics.deadLetters, 1)
    yield* same(
      "its letter",
      (yield* from.deadLetters).map((letter) => letter.error._tag),
      ["AgentRuntimeNotFound"]
    )
  }),
  anywhere("P8", "what a workflow schedules is processed later", function* () {
    const runtime = yield* probe
    yield* fate(runtime, yield* sent(runtime, Later.make({ text: "later", millis: 200 })))
    // Where time is real it may be over before it is seen.
    const { metrics, state } = yield* infoWhere(
      runtime,
      (info) => info.metrics.delayed === 1 || info.state.notes.length === 1
    )
    if (metrics.delayed === 1) yield* same("before", state.notes, [])
    yield* pass("200 millis")
    yield* infoWhere(runtime, (info) => info.state.notes.length === 1)
    yield* same("after", yield* notes(runtime), ["later"])
  }),
  inProcess("P8", "checkpoint says whether something more urgent waits", function* () {
    const runtime = yield* probe
    const answers: Array<unknown> = []
    for (const other of [Note.make({ text: "other" }), Alarm.make({ text: "more urgent" })]) {
      const gate = yield* unique("gate")
      const checking = yield* begin(runtime.ask(Check.make({ gate })))
      yield* Gate.reached(gate)
      yield* runtime.send(other)
      yield* Gate.open(gate)
      answers.push(yield* Fiber.join(checking))
    }
    yield* same("answers", answers, [false, true])
  }),
  anywhere("P9", "the same activity sent again has the same receipt and is processed once", function* () {
    const manager = yield* RuntimeManager
    const runtime = yield* probe
    const request = { type: "Hold", payload: { gate: "open", text: "once" } }
    const again = { type: "Hold", payload: { text: "once", gate: "open" } }
    yield* Gate.open("open")
    yield* runtime.pause
    const first = yield* manager.send(runtime.id, request, { id: "key" })
    const second = yield* manager.send(runtime.id, again, { id: "key" })
    yield* same("while it waits", second, first)
    yield* fails("another payload", runtime.send(Note.make({ text: "x" }), { id: "key" }), "ActivityConflict")
    yield* runtime.resume
    yield* fate(runtime, "key")
    const third = yield* runtime.send(Hold.make({ gate: "open", text: "once" }), { id: "key" })
    yield* same("after it has ended", third.status, "succeeded")
    yield* fails("another type", runtime.ask(Add.make({ n: 1 }), { id: "key" }), "ActivityConflict")
    yield* same("processed once", yield* notes(runtime), ["once"])
  }),
  anywhere("P9", "receipts are kept for a number of ended activities", function* () {
    const runtime = yield* probe
    for (let i = 0; i <= limits.receiptRetention; i++) yield* runtime.ask(Add.make({ n: 1 }), { id: `a${i}` })
    yield* fails("the oldest", runtime.receipt("a0"), "ActivityNotFound")
    yield* same("the next", (yield* runtime.receipt("a1")).status, "succeeded")
    yield* same("processed anew", yield* runtime.ask(Add.make({ n: 1 }), { id: "a0" }), limits.receiptRetention + 2)
  }),
  anywhere("P10", "a delayed activity enters its lane when due, an expired one never runs", function* () {
    const runtime = yield* probe
    const now = yield* Clock.currentTimeMillis
    const later = yield* sent(runtime, Note.make({ text: "later" }), { deliverAt: now + 1500 })
    const soon = yield* sent(runtime, Note.make({ text: "soon" }), { deliverAt: now + 1000 })
    yield* same("delayed", (yield* runtime.info).metrics.delayed, 2)
    yield* pass("50 millis")
    yield* same("before", yield* notes(runtime), [])
    yield* pass("1450 millis")
    yield* fate(runtime, soon)
    yield* fate(runtime, later)
    yield* same("after", yield* notes(runtime), ["soon", "later"])
    yield* runtime.pause
    const expiresAt = (yield* Clock.currentTimeMillis) + 10
    const expired = yield* sent(runtime, Note.make({ text: "expired" }), { expiresAt })
    yield* pass("50 millis")
    yield* runtime.resume
    yield* same("its fate", yield* fate(runtime, expired), "expired ActivityExpired")
    yield* same("never seen", yield* notes(runtime), ["soon", "later"])
  }),
  inProcess("P11", "cancel removes what waits, interrupts what runs and leaves what has ended", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const running = yield* sent(runtime, Hold.make({ gate, text: "running" }))
    yield* Gate.reached(gate)
    const waiting = yield* sent(runtime, Note.make({ text: "waiting" }))
    yield* same("waiting", (yield* runtime.cancel(waiting)).status, "cancelled")
    yield* same("running", (yield* runtime.cancel(running)).status, "cancelled")
    const delayed = yield* sent(runtime, Note.make({ text: "delayed" }), { deliverAt: 8_000_000_000_000 })
    yield* same("delayed", (yield* runtime.cancel(delayed)).status, "cancelled")
    const ended = yield* sent(runtime, Note.make({ text: "ended" }))
    yield* fate(runtime, ended)
    yield* same("ended", (yield* runtime.cancel(ended)).status, "succeeded")
    yield* same("notes", yield* notes(runtime), ["ended"])
    yield* fails("unknown", runtime.cancel("nothing"), "ActivityNotFound")
  }),
  inProcess("P12", "the info counts what waits, how long, and what runs", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const held = yield* sent(runtime, Hold.make({ gate, text: "held" }))
    yield* Gate.reached(gate)
    yield* runtime.send(Alarm.make({ text: "urgent" }))
    const last = yield* sent(runtime, Note.make({ text: "standard" }))
    yield* pass("20 millis")
    const { mailbox, metrics } = yield* runtime.info
    yield* same("in flight", metrics.inFlight, 1)
    yield* same(
      "lanes",
      [mailbox.lanes.urgent.size, mailbox.lanes.standard.size, mailbox.lanes.background.size],
      [1, 1, 0]
    )
    yield* same("waited", (mailbox.lanes.standard.oldestWaitMillis ?? 0) >= 20, true)
    yield* Gate.open(gate)
    yield* fate(runtime, held)
    yield* fate(runtime, last)
    const after = (yield* runtime.info).metrics
    yield* same("processed", [after.processed, after.inFlight], [3, 0])
    yield* same("mean wait", after.meanQueueWaitMillis >= 40 / 3, true)
    yield* same("mean processing", after.meanProcessingMillis >= 20 / 3, true)
  }),
  anywhere("P13", "a full lane fails, blocks no other lane, and still knows what it has accepted", function* () {
    const runtime = yield* probe
    yield* runtime.pause
    for (let i = 0; i < limits.mailboxCapacity; i++) yield* runtime.send(Note.make({ text: `${i}` }), { id: `n${i}` })
    const full = yield* fails("one more", runtime.send(Note.make({ text: "more" })), "MailboxFull")
    yield* same("says what", [full.lane, full.capacity], ["standard", limits.mailboxCapacity])
    yield* fails("a delayed one", runtime.send(Note.make({ text: "d" }), { deliverAt: 8e12 }), "MailboxFull")
    yield* same("another lane", (yield* runtime.send(Alarm.make({ text: "urgent" }))).status, "accepted")
    yield* same("a resend", (yield* runtime.send(Note.make({ text: "0" }), { id: "n0" })).status, "accepted")
    yield* runtime.cancel("n1")
    yield* same("room again", (yield* runtime.send(Note.make({ text: "again" }))).status, "accepted")
  })
]
