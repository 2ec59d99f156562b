/** Many counters, each of which takes activities one at a time: what the core cases ask of every contender. */
import type { Contender } from "./Case.ts"
import { throughput } from "./Measure.ts"

/** An activity adds `by` to the counter that it is sent to. */
export interface Increment {
  readonly by: number
}

export interface Counters {
  /** Sends one activity to the counter at `index`, without waiting for it. */
  readonly send: (index: number, activity: Increment) => void
}

/** Makes `count` counters whose handler calls `processed` once for each activity. */
export type MakeCounters = (count: number, processed: () => void) => Promise<Counters>

/** Tells when as many activities as were announced have been processed. */
export interface Countdown {
  readonly processed: () => void
  readonly expect: (activities: number) => Promise<void>
}

export const makeCountdown = (): Countdown => {
  let left = 0
  let resolve = () => {}
  return {
    processed: () => {
      if (--left === 0) resolve()
    },
    expect: (activities) => {
      left = activities
      return new Promise((done) => (resolve = done))
    }
  }
}

/** Activities per second: each counter gets `each` of them, in turn, and the next round starts when all are processed. */
export const counted =
  (count: number, each: number, load: () => Promise<MakeCounters>, activity: Increment = { by: 1 }): Contender =>
  async () => {
    const make = await load()
    const { expect, processed } = makeCountdown()
    const { send } = await make(count, processed)
    return throughput(count * each, () => {
      const settled = expect(count * each)
      for (let turn = 0; turn < each; turn++) for (let i = 0; i < count; i++) send(i, activity)
      return settled
    })
  }
