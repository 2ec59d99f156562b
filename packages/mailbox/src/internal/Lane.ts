import { Fifo } from "./Fifo.ts"
import type { Waiter, Waiters } from "./Waiter.ts"

/** What one lane holds, who waits to add to it, and what became of the rest that was offered to it. */
export class Lane<A> extends Fifo<A> implements Waiters {
  readonly name: string
  readonly bit: number
  readonly capacity: number
  /** Takes that passed the lane over since it was last served, while it held something. */
  skips = 0
  taken = 0
  dropped = 0
  removed = 0
  /** Offers that wait for room. */
  waiters: Waiter | undefined = undefined

  constructor(name: string, bit: number, capacity: number) {
    super()
    this.name = name
    this.bit = bit
    this.capacity = capacity
  }

  get isAwaited(): boolean {
    return this.waiters?.waits === true
  }

  get isFull(): boolean {
    return this.size >= this.capacity
  }
}
