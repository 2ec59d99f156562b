import { Effect, Fiber, Result } from "effect"
import { RuntimeManager } from "../../RuntimeManager.ts"
import {
  anywhere,
  begin,
  brief,
  type Case,
  fate,
  finish,
  hangs,
  infoWhere,
  inProcess,
  pass,
  probe,
  sent,
  unique,
  watch
} from "./case.ts"
import { fails, same } from "./expect.ts"
import * as Gate from "./gate.ts"
import { Add, Break, Bystander, End, Hang, Hold, Note, Probe, Refuse, Stubborn } from "./probe.ts"

/** R: the life of a runtime. */
export const lifecycle: ReadonlyArray<Case> = [
  anywhere("R1", "of concurrent creates of one id exactly one wins", function* () {
    const manager = yield* RuntimeManager
    const id = yield* unique("create")
    const results = yield* Effect.all(
      Array.from({ length: 10 }, () => Effect.result(manager.create(Probe, { id }))),
      { concurrency: "unbounded" }
    )
    yield* same("winners", results.filter(Result.isSuccess).length, 1)
    for (const result of results) {
      if (Result.isFailure(result)) yield* same("who loses", result.failure._tag, "AgentRuntimeAlreadyExists")
    }
  }),
  anywhere("R1", "getOrCreate finds what there is, and refuses another agent's", function* () {
    const manager = yield* RuntimeManager
    const id = yield* unique("find")
    const first = yield* manager.getOrCreate(Probe, { id })
    const second = yield* manager.getOrCreate(Probe, { id })
    yield* same("epoch", second.epoch, first.epoch)
    yield* fails("another agent", manager.getOrCreate(Bystander, { id }), "AgentRuntimeAlreadyExists")
  }),
  anywhere("R1", "ids are 1 to 64 letters, digits, _ or -", function* () {
    const manager = yield* RuntimeManager
    for (const id of ["", "a b", "ä", "a/b", "a.b", "a\n", "x".repeat(65)]) {
      yield* fails(`id ${JSON.stringify(id)}`, manager.create(Probe, { id }), "RuntimeIdInvalid")
    }
    const id = `A_z-9${yield* unique("x")}`.padEnd(64, "-")
    yield* same("id of 64", (yield* manager.create(Probe, { id })).id as string, id)
  }),
  anywhere("R2", "get finds a runtime, and tells agents apart", function* () {
    const manager = yield* RuntimeManager
    const runtime = yield* probe
    yield* runtime.ask(Add.make({ n: 2 }))
    const found = yield* manager.get(Probe, runtime.id)
    yield* same("its state", (yield* found.info).state, { total: 2, notes: [] })
    yield* same("its agent", (yield* (yield* manager.get(runtime.id)).info).agent, Probe.name)
    yield* fails("as another agent", manager.get(Bystander, runtime.id), "AgentRuntimeNotFound")
    yield* fails("an unknown id", manager.get(yield* unique("none")), "AgentRuntimeNotFound")
  }),
  anywhere("R2", "list answers pages by id, filtered by prefix, agent and status", function* () {
    const manager = yield* RuntimeManager
    const prefix = yield* unique("page")
    const ids = Array.from({ length: 5 }, (_, i) => `${prefix}-${i}`)
    for (const id of ids) yield* manager.create(Probe, { id })
    const other = yield* manager.create(Bystander, { id: `${prefix}-other` })
    yield* (yield* manager.get(Probe, `${prefix}-3`)).pause
    const first = yield* manager.list({ prefix, agent: Probe.name, limit: 3 })
    yield* same(
      "first page",
      first.items.map((info) => info.id as string),
      ids.slice(0, 3)
    )
    const second = yield* manager.list({ prefix, agent: Probe.name, limit: 3, cursor: first.nextCursor })
    yield* same(
      "second page",
      second.items.map((info) => info.id as string),
      ids.slice(3)
    )
    yield* same("no third page", second.nextCursor, undefined)
    const paused = yield* manager.list({ prefix, status: "paused" })
    yield* same(
      "paused",
      paused.items.map((info) => info.id as string),
      [`${prefix}-3`]
    )
    const bystanders = yield* manager.list({ prefix, agent: Bystander.name })
    yield* same(
      "of another agent",
      bystanders.items.map((info) => info.id),
      [other.id]
    )
    yield* fails("limit 0", manager.list({ limit: 0 }), "RequestInvalid")
    yield* fails("limit 1001", manager.list({ limit: 1001 }), "RequestInvalid")
    yield* fails("a cursor that is none", manager.list({ cursor: "\0" }), "RequestInvalid")
    yield* same("of no agent", (yield* manager.list({ agent: "\0" })).items, [])
  }),
  inProcess("R2", "drain processes what is queued, cancels what is delayed and takes nothing new", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const reader = yield* watch(runtime, { outcomes: ["processed", "failed"] })
    const running = yield* sent(runtime, Hold.make({ gate, text: "running" }))
    const queued = yield* sent(runtime, Note.make({ text: "queued" }))
    const delayed = yield* sent(runtime, Note.make({ text: "delayed" }), { deliverAt: 8_000_000_000_000 })
    yield* Gate.reached(gate)
    const draining = yield* begin(runtime.terminate({ mode: "drain" }))
    yield* infoWhere(runtime, (info) => info.status === "draining")
    yield* fails("a send while draining", runtime.send(Note.make({ text: "late" })), "AgentRuntimeTerminated")
    const fates = yield* begin(Effect.forEach([running, queued, delayed], (id) => fate(runtime, id)))
    yield* Gate.open(gate)
    yield* Fiber.join(draining)
    yield* same("fates", yield* Fiber.join(fates), ["succeeded", "succeeded", "cancelled ActivityCancelled"])
    yield* same("events", (yield* Fiber.join(reader)).map(brief), [
      "1 Note ActivityCancelled",
      "2 Hold",
      "3 Note",
      "end terminated"
    ])
  }),
  anywhere("R2", "a paused runtime resumes for its drain", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime)
    yield* runtime.pause
    yield* runtime.send(Add.make({ n: 1 }))
    yield* same("events", (yield* finish(runtime, reader)).map(brief), ["1 Add 1", "end terminated"])
  }),
  inProcess("R2", "immediate interrupts what runs and fails what is queued", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const reader = yield* watch(runtime, { outcomes: ["processed", "failed"] })
    const asking = yield* begin(Effect.flip(runtime.ask(Hold.make({ gate, text: "running" }))))
    const queued = yield* begin(Effect.flip(runtime.ask(Note.make({ text: "queued" }))))
    yield* Gate.reached(gate)
    yield* runtime.terminate({ mode: "immediate" })
    yield* same("the running ask", (yield* Fiber.join(asking))._tag, "AgentRuntimeTerminated")
    yield* same("the queued ask", (yield* Fiber.join(queued))._tag, "AgentRuntimeTerminated")
    const events = (yield* Fiber.join(reader)).map(brief)
    yield* same("last event", events.at(-1), "end terminated")
    yield* same(
      "other events",
      events
        .slice(0, -1)
        .map((event) => event.slice(2))
        .sort(),
      ["Hold AgentRuntimeTerminated", "Note AgentRuntimeTerminated"]
    )
  }),
  inProcess("R2", "immediate overrules a drain under way", function* () {
    const runtime = yield* probe
    const gate = yield* unique("gate")
    const asking = yield* begin(Effect.flip(runtime.ask(Hold.make({ gate, text: "running" }))))
    yield* Gate.reached(gate)
    const draining = yield* begin(runtime.terminate())
    yield* infoWhere(runtime, (info) => info.status === "draining")
    yield* runtime.terminate({ mode: "immediate" })
    yield* Fiber.join(draining)
    yield* same("the running ask", (yield* Fiber.join(asking))._tag, "AgentRuntimeTerminated")
  }),
  inProcess(
    "R2",
    "a drain that outlasts its grace interrupts, and what cannot be interrupted is abandoned",
    function* () {
      const runtime = yield* probe
      const gate = yield* unique("gate")
      const asking = yield* begin(Effect.flip(runtime.ask(Stubborn.make({ gate }))))
      yield* Gate.reached(gate)
      const draining = yield* begin(runtime.terminate({ grace: "100 millis" }))
      yield* pass("100 millis")
      yield* pass("100 millis")
      yield* Fiber.join(draining)
      yield* same("the ask", (yield* Fiber.join(asking))._tag, "AgentRuntimeTerminated")
      yield* Gate.open(gate)
    }
  ),
  anywhere("R2", "a workflow that ends its own runtime does not wait for itself, and ends", function* () {
    const runtime = yield* probe
    const reader = yield* watch(runtime)
    yield* runtime.send(End.make())
    yield* same("events", (yield* Fiber.join(reader)).map(brief), ["1 End", "end terminated"])
  }),
  anywhere("R2", "terminate is idempotent", function* () {
    const runtime = yield* probe
    yield* runtime.terminate()
    yield* runtime.terminate()
    yield* runtime.terminate({ mode: "immediate" })
    yield* fails("a send afterwards", runtime.send(Add.make({ n: 1 })), "AgentRuntimeTerminated")
    yield* fails("a subscription afterwards", Effect.scoped(runtime.subscription()), "AgentRuntimeTerminated")
  }),
  anywhere("R3", "the id lives anew with a higher epoch, and the old handle stays with its own life", function* () {
    const manager = yield* RuntimeManager
    const id = yield* unique("epoch")
    const first = yield* manager.create(Probe, { id })
    yield* first.ask(Add.make({ n: 1 }))
    yield* first.terminate()
    const second = yield* manager.create(Probe, { id })
    yield* same("a higher epoch", second.epoch > first.epoch, true)
    yield* same("a new state", (yield* second.info).state.total, 0)
    yield* fails("a send by the old handle", first.send(Add.make({ n: 1 })), "AgentRuntimeTerminated")
    yield* fails(
      "a cursor of the first life",
      Effect.scoped(second.subscription({ from: { after: 0, epoch: first.epoch } })),
      "EpochMismatch"
    )
  }),
  inProcess("R4", "the highest status that holds is shown", function* () {
    const runtime = yield* probe
    const status = Effect.map(runtime.info, (info) => info.status)
    yield* same("at first", yield* status, "idle")
    yield* Effect.flip(runtime.ask(Break.make({ how: "die" })))
    yield* same("after a defect", yield* status, "error")
    const lastError = (yield* runtime.info).lastError
    yield* same("its last error", lastError?.error._tag, "WorkflowDefect")
    yield* runtime.pause
    yield* same("paused", yield* status, "paused")
    yield* runtime.resume
    yield* Effect.flip(runtime.ask(Refuse.make({ reason: "an answer" })))
    yield* same("a declared failure neither clears nor sets it", yield* status, "error")
    yield* runtime.ask(Add.make({ n: 1 }))
    yield* same("the next success clears it", yield* status, "idle")
    yield* same("its last error stays", (yield* runtime.info).lastError, lastError)
    const gate = yield* unique("gate")
    const held = yield* sent(runtime, Hold.make({ gate, text: "held" }))
    yield* Gate.reached(gate)
    yield* same("while it works", yield* status, "processing")
    yield* runtime.pause
    yield* same("paused while it works", yield* status, "paused")
    yield* Gate.open(gate)
    yield* same("a pause lets the current activity finish", yield* fate(runtime, held), "succeeded")
  }),
  anywhere("R4", "pause holds what comes, resume goes on in order", function* () {
    const runtime = yield* probe
    yield* runtime.pause
    const ids = [yield* sent(runtime, Note.make({ text: "a" })), yield* sent(runtime, Note.make({ text: "b" }))]
    yield* pass("20 millis")
    yield* same("while paused", (yield* runtime.receipt(ids[0]!)).status, "accepted")
    yield* same("waiting", (yield* runtime.info).mailbox.lanes.standard.size, 2)
    yield* runtime.resume
    for (const id of ids) yield* fate(runtime, id)
    yield* same("in order", (yield* runtime.info).state.notes, ["a", "b"])
  }),
  anywhere("R4", "a timeout sets the status error", function* () {
    const runtime = yield* probe
    const id = yield* sent(runtime, Hang.make())
    yield* hangs(runtime)
    yield* pass("100 millis")
    yield* same("its fate", yield* fate(runtime, id), "failed ActivityTimedOut")
    yield* same("status", (yield* runtime.info).status, "error")
  }),
  inProcess("R5", "one activity at a time, and a runtime that stands still holds up no other", function* () {
    const still = yield* probe
    const other = yield* probe
    const gate = yield* unique("gate")
    const held = yield* sent(still, Hold.make({ gate, text: "first" }))
    const next = yield* sent(still, Note.make({ text: "second" }))
    yield* Gate.reached(gate)
    for (let n = 1; n <= 20; n++) yield* same("the other's total", yield* other.ask(Add.make({ n: 1 })), n)
    yield* same("the next waits", (yield* still.receipt(next)).status, "accepted")
    yield* Gate.open(gate)
    yield* fate(still, held)
    yield* fate(still, next)
    yield* same("one after the other", (yield* still.info).state.notes, ["first", "second"])
  })
]
