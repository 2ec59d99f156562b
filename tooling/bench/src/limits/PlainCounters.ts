/** Plain functions over rings, drained in the next microtask: the ceiling for anything that runs a handler. */
import type { Increment, MakeCounters } from "../Counters.ts"
import { makeRing } from "./Ring.ts"

export const plainCounters: MakeCounters = async (count, processed) => {
  const counters = Array.from({ length: count }, () => {
    const ring = makeRing<Increment>()
    let state = 0
    const drain = () => {
      while (ring.size() > 0) {
        state += ring.shift()!.by
        processed()
      }
      return state
    }
    return { ring, drain }
  })
  return {
    send: (index, activity) => {
      const { drain, ring } = counters[index]!
      ring.push(activity)
      if (ring.size() === 1) queueMicrotask(drain)
    }
  }
}
