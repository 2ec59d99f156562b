/** What a user writes by hand with Effect: a fiber per runtime that takes, runs the workflow and writes a `Ref`. */
import { Deferred, Effect, Queue, Ref } from "effect"
import type { Increment, MakeCounters } from "../Counters.ts"

type CounterWorkflow = (activity: Increment, count: number) => Effect.Effect<number>

/** One workflow for all runtimes, as an agent has it. */
export const counterWorkflow = (processed: () => void): CounterWorkflow =>
  Effect.fnUntracedEager(function* (activity: Increment, count: number) {
    yield* Effect.void
    processed()
    return count + activity.by
  })

export const handWritten = Effect.fnUntraced(function* (workflow: CounterWorkflow) {
  const queue = yield* Queue.unbounded<Increment>()
  const state = yield* Ref.make(0)
  yield* Effect.forkDetach(
    Effect.gen(function* () {
      while (true) {
        const activity = yield* Queue.take(queue)
        const next = yield* workflow(activity, yield* Ref.get(state))
        yield* Ref.set(state, next)
      }
    })
  )
  return queue
})

export const loop: MakeCounters = async (count, processed) => {
  const queues = await Effect.runPromise(Effect.replicateEffect(handWritten(counterWorkflow(processed)), count))
  return { send: (index, activity) => void Queue.offerUnsafe(queues[index]!, activity) }
}

/** The loop without its `Ref` and taking in batches: what tuning by hand reaches. */
const tuned = Effect.fnUntraced(function* (workflow: CounterWorkflow) {
  const queue = yield* Queue.unbounded<Increment>()
  yield* Effect.forkDetach(
    Effect.gen(function* () {
      let state = 0
      while (true) {
        const activities = yield* Queue.takeAll(queue)
        for (const activity of activities) state = yield* workflow(activity, state)
      }
    })
  )
  return queue
})

export const tunedLoop: MakeCounters = async (count, processed) => {
  const queues = await Effect.runPromise(Effect.replicateEffect(tuned(counterWorkflow(processed)), count))
  return { send: (index, activity) => void Queue.offerUnsafe(queues[index]!, activity) }
}

/** Without a `Queue` at all: an array and the callback of the parked fiber. */
export const parkedLoop: MakeCounters = async (count, processed) => {
  const workflow = counterWorkflow(processed)
  const runtimes = await Effect.runPromise(
    Effect.replicateEffect(
      Effect.gen(function* () {
        let waiting: Array<Increment> = []
        let wake: (() => void) | undefined
        const park = Effect.callback<void>((resume) => {
          wake = () => resume(Effect.void)
        })
        yield* Effect.forkDetach(
          Effect.gen(function* () {
            let state = 0
            while (true) {
              if (waiting.length === 0) yield* park
              const activities = waiting
              waiting = []
              for (const activity of activities) state = yield* workflow(activity, state)
            }
          })
        )
        return (activity: Increment) => {
          waiting.push(activity)
          if (wake !== undefined && waiting.length === 1) {
            const resume = wake
            wake = undefined
            // Not within the sender's stack, so that a burst is taken as one batch.
            queueMicrotask(resume)
          }
        }
      }),
      count
    )
  )
  return { send: (index, activity) => runtimes[index]!(activity) }
}

/** A loop that completes a `Deferred` with the new count. */
export const asked = (): Promise<(by: number) => Effect.Effect<number>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<Increment & { readonly reply: Deferred.Deferred<number> }>()
      yield* Effect.forkDetach(
        Effect.gen(function* () {
          let state = 0
          while (true) {
            const { by, reply } = yield* Queue.take(queue)
            state += by
            yield* Deferred.succeed(reply, state)
          }
        })
      )
      return Effect.fnUntraced(function* (by: number) {
        const reply = yield* Deferred.make<number>()
        yield* Queue.offer(queue, { by, reply })
        return yield* Deferred.await(reply)
      })
    })
  )
