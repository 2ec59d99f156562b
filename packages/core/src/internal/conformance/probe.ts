import { ActivityType, Agent, type AgentError } from "@agent-runtime/schema"
import { Cause, Effect, Exit, Layer, Result, Schedule, Schema } from "effect"
import { RuntimeManager } from "../../RuntimeManager.ts"
import * as Workflow from "../../Workflow.ts"
import * as Gate from "./gate.ts"

/** What the activities of the probe are refused with. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { reason: Schema.String }) {}

const text = { text: Schema.String }
const gate = Schema.String

export const Add = ActivityType.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })
export const Note = ActivityType.make("Note", { payload: text })
export const Alarm = ActivityType.make("Alarm", { payload: text, priority: "urgent" })
export const Refuse = ActivityType.make("Refuse", { payload: { reason: Schema.String }, error: Refused })
/** Fails `failures` times, tried again every 50 ms, twice at most. */
export const Flaky = ActivityType.make("Flaky", {
  payload: { failures: Schema.Int },
  success: Schema.Int,
  error: Refused,
  retry: Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 2 }))
})
export const faults = ["throw", "die", "undeclared", "state", "reply", "emit", "notEffect"] as const
/** Breaks in the way it is told. */
export const Break = ActivityType.make("Break", { payload: { how: Schema.Literals(faults) }, success: Schema.Int })
/** Never ends by itself; timed out after 100 ms. */
export const Hang = ActivityType.make("Hang", { timeout: "100 millis" })
/** Notes its text once its gate is open. */
export const Hold = ActivityType.make("Hold", { payload: { gate, text: Schema.String } })
/** Cannot be interrupted while it waits at its gate. */
export const Stubborn = ActivityType.make("Stubborn", { payload: { gate } })
/** Emits its words, then waits at its gate, if any, then ends as told. */
export const Say = ActivityType.make("Say", {
  payload: {
    words: Schema.Array(Schema.String),
    gate: Schema.optionalKey(gate),
    refuse: Schema.optionalKey(Schema.Boolean)
  },
  error: Refused
})
export const Only = ActivityType.make("Only", { payload: { gate }, overlap: "reject" })
export const Latest = ActivityType.make("Latest", { payload: text, overlap: "coalesce" })
export const Override = ActivityType.make("Override", { payload: text, overlap: { interrupt: "supersede" } })
export const Preempt = ActivityType.make("Preempt", { payload: text, overlap: { interrupt: "requeue" } })
/** Sends a `Note` to another runtime, then ends as told. */
export const Relay = ActivityType.make("Relay", {
  payload: { to: Schema.String, text: Schema.String, refuse: Schema.optionalKey(Schema.Boolean) },
  error: Refused
})
/** Schedules a `Note` to itself. */
export const Later = ActivityType.make("Later", { payload: { text: Schema.String, millis: Schema.Int } })
/** Asks along the route; replies `ok`, or the tag of what an ask failed with. */
export const Ring = ActivityType.make("Ring", {
  payload: { route: Schema.Array(Schema.String) },
  success: Schema.String
})
/** Whether something more urgent came while it waited at its gate. */
export const Check = ActivityType.make("Check", { payload: { gate }, success: Schema.Boolean })
/** Ends its own runtime. */
export const End = ActivityType.make("End")

/** The agent of the suite. */
export const Probe = Agent.make("ConformanceProbe", {
  state: Schema.Struct({ total: Schema.Int, notes: Schema.Array(Schema.String) }),
  initialState: { total: 0, notes: [] },
  activities: [
    Add,
    Note,
    Alarm,
    Refuse,
    Flaky,
    Break,
    Hang,
    Hold,
    Stubborn,
    Say,
    Only,
    Latest,
    Override,
    Preempt,
    Relay,
    Later,
    Ring,
    Check,
    End
  ],
  emits: Schema.String
})
type State = Agent.State<typeof Probe>

const Poke = ActivityType.make("Poke")
/** Another agent, for what must be told apart. */
export const Bystander = Agent.make("ConformanceBystander", {
  state: Schema.Int,
  initialState: 0,
  activities: [Poke]
})

const noted = (state: State, text: string): Effect.Effect<State> =>
  Exit.succeed({ ...state, notes: [...state.notes, text] })

/** What no typed workflow could do: an untyped one, or a bug, can. */
const asAny = <A>(value: unknown): A => value as A

const broken = (how: (typeof faults)[number], state: State, context: Workflow.WorkflowContext<typeof Probe>) => {
  const reply = Workflow.reply(state, 0)
  switch (how) {
    case "throw":
      throw new Error("thrown by the workflow")
    case "die":
      return Effect.die(new Error("died in the workflow"))
    case "undeclared":
      return asAny<typeof reply>(Effect.fail(new Refused({ reason: "undeclared" })))
    case "state":
      return asAny<typeof reply>(Workflow.reply({ ...state, total: "many" }, 0))
    case "reply":
      return asAny<typeof reply>(Workflow.reply(state, "zero"))
    case "emit":
      return Effect.andThen(context.emit(asAny(7)), reply)
    case "notEffect":
      return asAny<typeof reply>(7)
  }
}

const tagOf = (cause: Cause.Cause<unknown>): string => {
  const found = Cause.findError(cause)
  return Result.isSuccess(found) ? String((found.success as { readonly _tag?: unknown })._tag) : "Defect"
}

const ProbeLayer = Workflow.layer(Probe, {
  Add: ({ payload }, state) => {
    const total = state.total + payload.n
    return Workflow.reply({ ...state, total }, total)
  },
  Note: ({ payload }, state) => noted(state, payload.text),
  Alarm: ({ payload }, state) => noted(state, payload.text),
  Refuse: ({ payload }) => Effect.fail(new Refused(payload)),
  Flaky: ({ attempts, payload }, state) =>
    attempts <= payload.failures
      ? Effect.fail(new Refused({ reason: `attempt ${attempts}` }))
      : Workflow.reply(state, attempts),
  Break: ({ payload }, state, context) => broken(payload.how, state, context),
  Hang: (_, __, context) => Effect.andThen(context.emit("hangs"), Effect.never),
  Hold: ({ payload }, state) => Effect.andThen(Gate.pass(payload.gate), noted(state, payload.text)),
  Stubborn: ({ payload }, state) => Effect.as(Effect.uninterruptible(Gate.pass(payload.gate)), state),
  Say: Effect.fnUntraced(function* ({ payload }, state, context) {
    for (const word of payload.words) yield* context.emit(word)
    if (payload.gate !== undefined) yield* Gate.pass(payload.gate)
    if (payload.refuse === true) return yield* new Refused({ reason: "as told" })
    return state
  }),
  Only: ({ payload }, state) => Effect.as(Gate.pass(payload.gate), state),
  Latest: ({ payload }, state) => noted(state, payload.text),
  Override: ({ payload }, state) => noted(state, payload.text),
  Preempt: ({ payload }, state) => noted(state, payload.text),
  Relay: Effect.fnUntraced(function* ({ payload }, state, context) {
    yield* Effect.orDie(context.send(payload.to, Note.make({ text: payload.text })))
    if (payload.refuse === true) return yield* new Refused({ reason: "as told" })
    return state
  }),
  Later: ({ payload }, state, context) =>
    context.schedule(Note.make({ text: payload.text }), payload.millis).pipe(Effect.orDie, Effect.as(state)),
  Ring: Effect.fnUntraced(function* ({ payload }, state) {
    const [next, ...route] = payload.route
    if (next === undefined) return new Workflow.Reply(state, "ok")
    const manager = yield* RuntimeManager
    const answer = yield* manager.ask(next, { type: "Ring", payload: { route } }).pipe(
      Effect.map(String),
      Effect.catchCause((cause) => Effect.succeed(tagOf(cause)))
    )
    return new Workflow.Reply(state, answer)
  }),
  Check: Effect.fnUntraced(function* ({ payload }, state, context) {
    yield* Gate.pass(payload.gate)
    return new Workflow.Reply(state, yield* context.checkpoint)
  }),
  End: Effect.fnUntraced(function* (_, state, context) {
    const manager = yield* RuntimeManager
    yield* Effect.orDie(manager.terminate(context.runtimeId))
    return state
  })
})

const BystanderLayer = Workflow.layer(Bystander, { Poke: (_, n) => Effect.succeed(n + 1) })

/** Registers the workflows of the suite. */
export const layer: Layer.Layer<never, AgentError.StoreUnavailable, Workflow.Workflows | RuntimeManager> = Layer.merge(
  ProbeLayer,
  BystanderLayer
)
