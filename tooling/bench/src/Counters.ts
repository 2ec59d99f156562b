/** Many counters, each of which takes activities one at a time: what the core cases ask of every contender. */

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
