import { Ring } from "./Ring.ts"
import type { Waiter } from "./Waiter.ts"

/** What one lane holds, who waits to add to it, and what became of the rest that was offered to it. */
export class Lane<A> extends Ring<A> {
  readonly index: number
  readonly bit: number
  readonly capacity: number
  /** Takes that passed the lane over since it was last served, while it held something. */
  skips = 0
  taken = 0
  dropped = 0
  removed = 0
  /** Suspended offers, in order; absent when there are none. */
  offers: Set<Waiter> | undefined = undefined

  constructor(index: number, capacity: number) {
    super()
    this.index = index
    this.bit = 1 << index
    this.capacity = capacity
  }
}
