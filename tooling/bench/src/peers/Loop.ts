/** What a user writes by hand with Effect: a fiber per runtime that takes, runs the workflow and writes a `Ref`. */
import { Effect, Queue, Ref } from "effect"
import type { Increment, MakeCounters } from "../Counters.ts"

export const handWritten = Effect.fnUntraced(function* (processed: () => void) {
  const queue = yield* Queue.unbounded<Increment>()
  const state = yield* Ref.make(0)
  const workflow = Effect.fnUntraced(function* (activity: Increment, count: number) {
    yield* Effect.void
    processed()
    return count + activity.by
  })
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
  const queues = await Effect.runPromise(Effect.replicateEffect(handWritten(processed), count))
  return { send: (index, activity) => void Queue.offerUnsafe(queues[index]!, activity) }
}

/** The loop without its `Ref` and taking in batches: what tuning by hand reaches. */
const tuned = Effect.fnUntraced(function* (processed: () => void) {
  const queue = yield* Queue.unbounded<Increment>()
  const workflow = Effect.fnUntraced(function* (activity: Increment, count: number) {
    yield* Effect.void
    processed()
    return count + activity.by
  })
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
  const queues = await Effect.runPromise(Effect.replicateEffect(tuned(processed), count))
  return { send: (index, activity) => void Queue.offerUnsafe(queues[index]!, activity) }
}

/** Without a `Queue` at all: an array and the callback of the parked fiber. */
export const parkedLoop: MakeCounters = async (count, processed) => {
  const workflow = Effect.fnUntraced(function* (activity: Increment, count: number) {
    yield* Effect.void
    processed()
    return count + activity.by
  })
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
