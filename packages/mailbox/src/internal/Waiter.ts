import type { Effect } from "effect/Effect"

/**
 * A suspended fiber. It is woken with nothing, to try again, so that waking one too many does no harm.
 *
 * Waiters are queued in a ring of links through one that only stands for the queue, so that any of them leaves in O(1).
 */
export class Waiter {
  /** Whether trying again would lead anywhere now. */
  readonly ready: () => boolean
  /** Absent while it tries again. */
  resume: ((effect: Effect<void>) => void) | undefined = undefined
  next: Waiter = this
  #previous: Waiter = this

  constructor(ready: () => boolean) {
    this.ready = ready
  }

  /** Whether it is queued, or, of one that stands for a queue, whether any is. */
  get waits(): boolean {
    return this.next !== this
  }

  join(queue: Waiter): void {
    this.#previous = queue.#previous
    this.next = queue
    this.#previous.next = queue.#previous = this
  }

  leave(): void {
    this.#previous.next = this.next
    this.next.#previous = this.#previous
    this.next = this.#previous = this
  }
}

/** Where fibers wait, in the order in which they came. */
export interface Waiters {
  waiters: Waiter | undefined
}
