/** Our own runtimes, used as a program without an Effect around it uses them. */
import { LocalRuntimes, RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { Effect, Layer, ManagedRuntime, Schema, Scope, Stream } from "effect"
import type { Increment, MakeCounters } from "../Counters.ts"
import type { Event, MakeBroadcast } from "../peers/Broadcast.ts"

/** The defaults, but for room for the backlogs of the cases. */
const config = RuntimeConfig.layer({ mailboxCapacity: Number.POSITIVE_INFINITY })

/** Neither receipts nor events are kept once an activity has ended: the loops and actors beside keep none either. */
const forgetful = RuntimeConfig.layer({
  mailboxCapacity: Number.POSITIVE_INFINITY,
  logRetention: 0,
  receiptRetention: 0
})

const makeRuntime = (layer = config) => ManagedRuntime.make(RuntimeManager.layer.pipe(Layer.provide(layer)))

const workflow = (processed: () => void) =>
  Effect.fnUntracedEager(function* (activity: { readonly payload: unknown }, count: number) {
    yield* Effect.void
    processed()
    return count + (activity.payload as Increment).by
  })

/** Runtimes made from a closure. */
export const createLocal = (count: number, processed: () => void, prefix = "counter") =>
  Effect.gen(function* () {
    const local = yield* LocalRuntimes.LocalRuntimes
    const run = workflow(processed)
    const runtimes: Array<LocalRuntimes.LocalRuntime<number>> = []
    for (let i = 0; i < count; i++) {
      runtimes.push(yield* local.create({ id: `${prefix}-${i}`, state: 0, workflow: run }))
    }
    return runtimes
  })

export const localRuntimes: MakeCounters = async (count, processed) => {
  const runtimes = await makeRuntime(forgetful).runPromise(createLocal(count, processed))
  return { send: (index, payload) => void runtimes[index]!.sendUnsafe({ type: "increment", payload }) }
}

/** Beside as many others that are idle. */
export const localRuntimesBeside =
  (idle: number): MakeCounters =>
  async (count, processed) => {
    const manager = makeRuntime(forgetful)
    await manager.runPromise(createLocal(idle, () => {}, "idle"))
    const runtimes = await manager.runPromise(createLocal(count, processed))
    return { send: (index, payload) => void runtimes[index]!.sendUnsafe({ type: "increment", payload }) }
  }

const Add = ActivityType.make("Add", { payload: { by: Schema.Int } })
const Counter = Agent.make("Counter", { state: Schema.Int, initialState: 0, activities: [Add] })

/** Runtimes of a defined agent, each with one subscriber: `processed` is called when its event has arrived. */
export const subscribedRuntimes = async (
  count: number,
  processed: () => void
): Promise<(by: number) => Promise<void>> => {
  const agents = Workflow.layer(Counter, {
    Add: Effect.fnUntracedEager(function* ({ payload }, count) {
      yield* Effect.void
      return count + payload.by
    })
  })
  const manager = ManagedRuntime.make(agents.pipe(Layer.provideMerge(RuntimeManager.layer), Layer.provide(config)))
  const scope = Effect.runSync(Scope.make())
  const runtimes = await manager.runPromise(
    Effect.gen(function* () {
      const { create } = yield* RuntimeManager.RuntimeManager
      const runtimes = yield* Effect.forEach(Array.from({ length: count }), (_, i) => create(Counter, { id: `c-${i}` }))
      for (const runtime of runtimes) {
        const events = yield* Scope.provide(runtime.subscription(), scope)
        yield* events.pipe(
          Stream.runForEach(() => Effect.sync(processed)),
          Effect.forkDetach({ startImmediately: true })
        )
      }
      return runtimes
    })
  )
  return (by) =>
    manager.runPromise(
      Effect.gen(function* () {
        for (const runtime of runtimes) yield* runtime.send(Add.make({ by }))
      })
    )
}

/** A runtime that answers its count to whoever asks. */
export const asked = async (): Promise<(by: number) => Effect.Effect<unknown, unknown>> => {
  const runtime = await makeRuntime().runPromise(
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      return yield* local.create({
        id: "counter",
        state: 0,
        workflow: Effect.fnUntracedEager(function* (activity, count) {
          const next = count + (activity.payload as Increment).by
          return yield* Workflow.reply(next, next)
        })
      })
    })
  )
  return (by) => runtime.ask({ type: "increment", payload: { by } })
}

/** A workflow that emits the burst; each subscriber reads its stream in the batches that it delivers. */
export const broadcast: MakeBroadcast = async (subscribers, delivered) => {
  const manager = makeRuntime()
  const scope = Effect.runSync(Scope.make())
  // What a workflow emits it has made, not been sent.
  let burst: ReadonlyArray<Event> = []
  const runtime = await manager.runPromise(
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({
        id: "source",
        state: 0,
        workflow: Effect.fnUntracedEager(function* (_, state, context) {
          yield* Effect.void
          for (const event of burst) context.emitUnsafe(event)
          return state
        })
      })
      for (let i = 0; i < subscribers; i++) {
        const events = yield* Scope.provide(runtime.subscription(), scope)
        yield* events.pipe(
          // The end of the workflow is an event too, which the others do not have.
          Stream.runForEachArray((batch) =>
            Effect.sync(() => delivered(batch.length - (batch.at(-1)?._tag === "Processed" ? 1 : 0)))
          ),
          Effect.forkDetach({ startImmediately: true })
        )
      }
      return runtime
    })
  )
  return (events) => {
    burst = events
    runtime.sendUnsafe({ type: "burst" })
  }
}

/** A runtime whose workflow does nothing; its subscribers read `Processed` events in the batches that their streams deliver. */
export const published: MakeBroadcast = async (subscribers, delivered) => {
  const manager = makeRuntime()
  const scope = Effect.runSync(Scope.make())
  const runtime = await manager.runPromise(
    Effect.gen(function* () {
      const local = yield* LocalRuntimes.LocalRuntimes
      const runtime = yield* local.create({
        id: "source",
        state: 0,
        workflow: Effect.fnUntracedEager(function* (_, state) {
          yield* Effect.void
          // Without subscribers the end of the workflow is all there is to wait for.
          if (subscribers === 0) delivered(1)
          return state
        })
      })
      for (let i = 0; i < subscribers; i++) {
        const events = yield* Scope.provide(runtime.subscription(), scope)
        yield* events.pipe(
          Stream.runForEachArray((batch) => Effect.sync(() => delivered(batch.length))),
          Effect.forkDetach({ startImmediately: true })
        )
      }
      return runtime
    })
  )
  return (events) => {
    for (const payload of events) runtime.sendUnsafe({ type: "event", payload })
  }
}

/** Makes more and more idle runtimes of one manager, which is kept alive. */
export const createMore = (): ((count: number) => Promise<unknown>) => {
  const manager = makeRuntime()
  let made = 0
  return (count) => manager.runPromise(createLocal(count, () => {}, `batch-${made++}`))
}
