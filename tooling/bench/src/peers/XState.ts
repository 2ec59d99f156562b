/** XState's lightest actors: plain transition functions, run within `send`, no effects. */
import { createActor, fromTransition } from "xstate"
import type { Increment, MakeCounters } from "../Counters.ts"

export const transitions: MakeCounters = async (count, processed) => {
  const logic = fromTransition((state: number, event: Increment & { readonly type: "increment" }) => {
    processed()
    return state + event.by
  }, 0)
  const actors = Array.from({ length: count }, () => createActor(logic).start())
  return { send: (index, { by }) => actors[index]!.send({ type: "increment", by }) }
}
