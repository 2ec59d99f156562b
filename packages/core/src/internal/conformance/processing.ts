import { Effect, Fiber } from "effect"
import { RuntimeManager } from "../../RuntimeManager.ts"
import {
  hangs,
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
import { Add, Alarm, Break, Flaky, Hang, Hold, Note, Probe, Refuse, Ring } from "./probe.ts"

const notes = (runtime: ProbeRuntime) => Effect.map(runtime.info, (info) => info.state.notes)

/** A retry waits only once that is written; where time is real it may be over before it is seen. */
const passRetries = Effect.fnUntraced(function* (runtime: ProbeRuntime, retries: ReadonlyArray<number>) {
  for (const retry of retries) {
    yield* infoWhere(
      runtime,
      ({ metrics: { deadLetters, delayed, processed, retried } }) =>
        deadLetters + processed > 0 || retried > retry || (retried === retry && delayed > 0)
    )
    yield* pass("50 millis")
  }
})

/** P1 to P6: an activity is accepted, runs and ends. */
export const processing: ReadonlyArray<Case> = [
  anywhere("P1", "what does not fit is refused with the path of the fault, and touches nothing", function* () {
    const manager = yield* RuntimeManager
    const runtime = yield* probe
    const refused = function* (what: string, request: { readonly type: string; readonly payload?: unknown }) {
      return (yield* fails(what, manager.send(runtime.id, request), "ActivityInvalid")).path
    }
    yield* same("unknown type", yield* refused("unknown type", { type: "Nothing" }), ["type"])
    yield* same("wrong field", yield* refused("wrong field", { type: "Add", payload: { n: "1" } }), ["payload", "n"])
    yield* same("no field", yield* refused("no field", { type: "Add", payload: {} }), ["payload", "n"])
    yield* same("no payload", yield* refused("no payload", { type: "Add", payload: 7 }), ["payload"])
    yield* same("inside", yield* refused("inside", { type: "Say", payload: { words: ["a", 7] } }), [
      "payload",
      "words",
      1
    ])
    const text = "x".repeat(limits.maxPayloadBytes)
    yield* same("too large", yield* refused("too large", { type: "Note", payload: { text } }), ["payload"])
    yield* fails("made, but wrong", runtime.send(Add.make({ n: 1.5 })), "ActivityInvalid")
    for (const id of ["", "a b", "x".repeat(129)]) {
      yield* fails(`id ${JSON.stringify(id)}`, runtime.send(Add.make({ n: 1 }), { id }), "ActivityInvalid")
    }
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
      yield* fails(`due at ${at}`, runtime.send(Add.make({ n: 1 }), { deliverAt: at }), "ActivityInvalid")
      yield* fails(`until ${at}`, runtime.send(Add.make({ n: 1 }), { expiresAt: at }), "ActivityInvalid")
    }
    const info = yield* runtime.info
    yield* same("sequence", info.sequence, 0)
    yield* same("status", info.status, "idle")
  }),
  anywhere("P2", "given at send goes before its type's priority, and standard is the default", function* () {
    const runtime = yield* probe
    const priorities = [
      (yield* runtime.send(Alarm.make({ text: "a" }), { priority: "background" })).priority,
      (yield* runtime.send(Alarm.make({ text: "b" }))).priority,
      (yield* runtime.send(Note.make({ text: "c" }))).priority
    ]
    yield* same("priorities", priorities, ["background", "urgent", "standard"])
  }),
  anywhere("P2", "what waits is processed by priority, and in order within one", function* () {
    const runtime = yield* probe
    yield* runtime.pause
    const ids: Array<string> = []
    for (const [text, priority] of [
      ["b1", "background"],
      ["s1", "standard"],
      ["u1", "urgent"],
      ["s2", "standard"],
      ["u2", "urgent"],
      ["b2", "background"]
    ] as const) {
      ids.push(yield* sent(runtime, Note.make({ text }), { priority }))
    }
    yield* runtime.resume
    for (const id of ids) yield* fate(runtime, id)
    yield* same("order", yield* notes(runtime), ["u1", "u2", "s1", "s2", "b1", "b2"])
  }),
  anywhere("P3", "send answers once it is accepted, ask with the reply or the declared failure", function* () {
    const runtime = yield* probe
    const receipt = yield* runtime.send(Add.make({ n: 3 }))
    yield* same("its type", receipt.type, "Add")
    yield* same("its runtime", receipt.runtimeId, runtime.id)
    yield* same("its epoch", receipt.epoch, runtime.epoch)
    yield* same("the reply", yield* runtime.ask(Add.make({ n: 4 })), 7)
    const ended = yield* runtime.awaitReceipt(receipt.activityId)
    yield* same("the receipt's reply", ended.reply, 3)
    yield* same("the receipt's sequence", ended.sequence, 1)
    const refused = yield* fails("a declared failure", runtime.ask(Refuse.make({ reason: "no" })), "Refused")
    yield* same("its fields", refused.reason, "no")
    yield* fails("an unknown activity", runtime.receipt("nothing"), "ActivityNotFound")
  }),
  inProcess("P3", "an interrupted ask leaves its activity alone unless told to cancel it", function* () {
    const runtime = yield* probe
    const fates: Array<string> = []
    for (const cancelOnInterrupt of [false, true]) {
      const gate = yield* unique("gate")
      const id = yield* unique("ask")
      const asking = yield* begin(runtime.ask(Hold.make({ gate, text: id }), { id, cancelOnInterrupt }))
      yield* Gate.reached(gate)
      yield* Fiber.interrupt(asking)
      yield* Gate.open(gate)
      fates.push(yield* fate(runtime, id))
    }
    yield* same("fates", fates, ["succeeded", "cancelled ActivityCancelled"])
  }),
  anywhere("P3", "an ask that would wait for itself fails at once", function* () {
    const manager = yield* RuntimeManager
    const a = yield* unique("a")
    const b = yield* unique("b")
    const runtime = yield* manager.create(Probe, { id: a })
    yield* manager.create(Probe, { id: b })
    yield* same("A asks A", yield* runtime.ask(Ring.make({ route: [a] })), "AskCycle")
    yield* same("A asks B asks A", yield* runtime.ask(Ring.make({ route: [b, a] })), "AskCycle")
    yield* same("A asks B", yield* runtime.ask(Ring.make({ route: [b] })), "ok")
  }),
  anywhere("P4", "the state commits on success only, and only where it fits its schema", function* () {
    const runtime = yield* probe
    yield* runtime.ask(Add.make({ n: 1 }))
    const before = (yield* runtime.info).state
    for (const how of ["throw", "die", "undeclared", "state", "reply", "emit", "notEffect"] as const) {
      const error = yield* fails(how, runtime.ask(Break.make({ how })), "WorkflowDefect")
      const kind = how === "undeclared" ? "undeclared" : how === "state" || how === "reply" ? "invalid" : "defect"
      yield* same(`the kind of ${how}`, error.kind, kind)
    }
    yield* Effect.flip(runtime.ask(Refuse.make({ reason: "no" })))
    yield* same("state", (yield* runtime.info).state, before)
  }),
  anywhere("P5", "failures are told apart in the metrics, and the runtime goes on", function* () {
    const runtime = yield* probe
    yield* Effect.flip(runtime.ask(Refuse.make({ reason: "no" })))
    yield* Effect.flip(runtime.ask(Break.make({ how: "undeclared" })))
    yield* Effect.flip(runtime.ask(Break.make({ how: "die" })))
    const hanging = yield* sent(runtime, Hang.make())
    yield* hangs(runtime)
    yield* pass("100 millis")
    yield* fate(runtime, hanging)
    yield* same("goes on", yield* runtime.ask(Add.make({ n: 1 })), 1)
    const { failed, processed } = (yield* runtime.info).metrics
    yield* same("processed", processed, 1)
    yield* same("failed", failed, { declared: 1, undeclared: 1, defect: 1, timeout: 1, interrupted: 0 })
  }),
  anywhere("P5", "a declared failure is tried again on its schedule, with its priority", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime, { outcomes: ["processed", "failed"] })
    const id = yield* sent(runtime, Flaky.make({ failures: 2 }), { priority: "background" })
    yield* passRetries(runtime, [1, 2])
    const receipt = yield* runtime.awaitReceipt(id)
    yield* same("attempts", receipt.attempts, 3)
    yield* same("priority", receipt.priority, "background")
    yield* same("reply", receipt.reply, 3)
    yield* same("no dead letter", yield* runtime.deadLetters, [])
    yield* same("events", (yield* finish(runtime, reader)).map(brief), ["1 Flaky 3", "end terminated"])
  }),
  anywhere(
    "P5",
    "used-up retries make a dead letter, that can be replayed with new attempts or discarded",
    function* () {
      const runtime = yield* probe
      const id = yield* sent(runtime, Flaky.make({ failures: 4 }))
      const usedUp = (retries: ReadonlyArray<number>) =>
        Effect.andThen(passRetries(runtime, retries), () => fate(runtime, id))
      yield* same("its fate", yield* usedUp([1, 2]), "failed Refused")
      yield* same("status", (yield* runtime.info).status, "error")
      const letters = yield* runtime.deadLetters
      yield* same(
        "letters",
        letters.map((letter) => [letter.activityId as string, letter.type, letter.attempts]),
        [[id, "Flaky", 3]]
      )
      const again = yield* runtime.replay(id)
      yield* same("its new receipt", [again.activityId as string, again.status], [id, "accepted"])
      yield* same("no letter while it is tried", yield* runtime.deadLetters, [])
      yield* same("its second fate", yield* usedUp([3, 4]), "failed Refused")
      yield* same("attempts anew", (yield* runtime.receipt(id)).attempts, 3)
      yield* runtime.discard(id)
      yield* same("discarded", yield* runtime.deadLetters, [])
      yield* fails("replay of nothing", runtime.replay(id), "ActivityNotFound")
      yield* fails("discard of nothing", runtime.discard(id), "ActivityNotFound")
    }
  ),
  anywhere("P5", "dead letters are bounded, the oldest go first", function* () {
    const runtime = yield* probe
    const ids: Array<string> = []
    for (let i = 0; i < limits.deadLetterCapacity + 2; i++) {
      const id = yield* sent(runtime, Break.make({ how: "die" }))
      yield* fate(runtime, id)
      ids.push(id)
    }
    yield* same(
      "kept",
      (yield* runtime.deadLetters).map((letter) => letter.activityId as string),
      ids.slice(2)
    )
  }),
  anywhere("P6", "a timeout interrupts the workflow, and its ask says so", function* () {
    const runtime = yield* probe
    const asking = yield* begin(Effect.flip(runtime.ask(Hang.make())))
    yield* hangs(runtime)
    yield* pass("100 millis")
    yield* same("the ask", (yield* Fiber.join(asking))._tag, "ActivityTimedOut")
    yield* same("dead letters", (yield* runtime.deadLetters).length, 1)
  })
]
