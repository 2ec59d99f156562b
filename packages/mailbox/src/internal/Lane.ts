import { Ring } from "./Ring.ts"
import { type Waiter, Waiters } from "./Waiters.ts"

/** What one lane holds, and what became of the rest that was offered to it. */
export class Lane<A> extends Ring<A> {
  readonly index: number
  readonly bit: number
  readonly capacity: number
  /** Takes that passed the lane over since it was last served, while it held something. */
  skips = 0
  taken = 0
  dropped = 0
  removed = 0
  private waiting: Waiters | undefined = undefined

  constructor(index: number, capacity: number) {
    super()
    this.index = index
    this.bit = 1 << index
    this.capacity = capacity
  }

  /** Suspended offers, in order. */
  get offerers(): Waiters {
    return (this.waiting ??= new Waiters())
  }

  get firstOfferer(): Waiter | undefined {
    return this.waiting?.head
  }
}
