/** nact: actors whose handler answers the next state. */
import nact, { type Ref } from "nact"
import type { Increment, MakeCounters } from "../Counters.ts"

export const actors: MakeCounters = async (count, processed) => {
  const system = nact.start()
  const refs: Array<Ref<Increment>> = Array.from({ length: count }, (_, index) =>
    nact.spawn(
      system,
      (state: number, activity: Increment) => {
        processed()
        return state + activity.by
      },
      `counter-${index}`,
      { initialState: 0 }
    )
  )
  return { send: (index, activity) => nact.dispatch(refs[index]!, activity) }
}

/** An actor that replies the count to whoever asks. */
export const asked = (): ((by: number) => Promise<number>) => {
  const system = nact.start()
  const counter = nact.spawn(
    system,
    (state: number, { by, sender }: { readonly by: number; readonly sender: Ref<number> }) => {
      const next = state + by
      nact.dispatch(sender, next)
      return next
    },
    "counter",
    { initialState: 0 }
  )
  return (by) => nact.query(counter, (sender: Ref<number>) => ({ by, sender }), 30_000)
}
