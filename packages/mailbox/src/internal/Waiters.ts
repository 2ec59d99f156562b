import type { Effect } from "effect/Effect"
import * as Exit from "effect/Exit"

/** A suspended fiber. It is only ever woken to try again, never handed anything, so waking one too many is harmless. */
export class Waiter {
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  queued = false
  readonly resume: (effect: Effect<void>) => void
  /** How many elements a take waits for. */
  readonly min: number
  /** Keeps its place in the queue when it has to wait again. */
  readonly ticket: number

  constructor(resume: (effect: Effect<void>) => void, min: number, ticket: number) {
    this.resume = resume
    this.min = min
    this.ticket = ticket
  }

  wake(): void {
    this.resume(Exit.void)
  }
}

/** A doubly linked queue of waiters by ticket: an interrupted one leaves in O(1). */
export class Waiters {
  head: Waiter | undefined = undefined
  private tail: Waiter | undefined = undefined

  add(waiter: Waiter): void {
    let previous = this.tail
    while (previous !== undefined && previous.ticket > waiter.ticket) previous = previous.previous
    const next = previous === undefined ? this.head : previous.next
    waiter.previous = previous
    waiter.next = next
    waiter.queued = true
    if (previous === undefined) this.head = waiter
    else previous.next = waiter
    if (next === undefined) this.tail = waiter
    else next.previous = waiter
  }

  /** Answers whether the waiter was still queued. */
  remove(waiter: Waiter): boolean {
    if (!waiter.queued) return false
    waiter.queued = false
    if (waiter.previous === undefined) this.head = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === undefined) this.tail = waiter.previous
    else waiter.next.previous = waiter.previous
    return true
  }
}
