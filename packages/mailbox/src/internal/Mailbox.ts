import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { getCurrent } from "effect/Fiber"
import type { SchedulerDispatcher } from "effect/Scheduler"
import type { Lane } from "./Lane.ts"
import { Lanes } from "./Lanes.ts"
import { type RawOptions, type Strategy, strategyOf } from "./Options.ts"
import { Waiter, type Waiters } from "./Waiter.ts"

export const TypeId = "~@agent-runtime/mailbox/PrioritizedMailbox"

/**
 * Lanes, the fibers that wait for them, and their end.
 *
 * Only `settle` and what calls it wake fibers: `flush`, `complete` and `shutdown`. Accepting and removing elements merely
 * schedules `settle`: a fiber woken there and then could interrupt the one that is about to answer, and its element would
 * be lost, or be in the mailbox although its offer was interrupted.
 */
export class Mailbox<A, E> extends Lanes<A> implements Waiters {
  readonly strategy: Strategy
  /** Set when offers are no longer taken: the answer to takes once nothing is left. */
  exit: Exit.Exit<never, E> | undefined = undefined
  /** Whether offers that wait are no longer taken either. */
  isShut = false
  /** Fibers that wait for elements, or for the end. */
  waiters: Waiter | undefined = undefined
  /** How many fibers wait, at lanes too. */
  #waiting = 0
  #scheduled = false
  /** Of the fiber that began to wait last. */
  #dispatcher: SchedulerDispatcher | undefined = undefined
  #sync = false

  constructor(options: RawOptions) {
    super(options)
    this.strategy = strategyOf(options)
  }

  // Only the type of a mailbox says more.
  get [TypeId]() {
    return {}
  }

  /** Nothing is left inside, nothing waits to come in, and nothing more will. */
  get done(): boolean {
    return this.exit !== undefined && this.isEmpty && !this.used.some((lane) => lane.isAwaited)
  }

  /** Whether full lanes drop elements, so that no offer waits or fails. */
  get lossy(): boolean {
    return this.strategy === "sliding" || this.strategy === "dropping"
  }

  /**
   * Whether a take of at least `min` need not wait. When a lane is full, or no offer is taken any more, `min` may never
   * be reached: then what there is will do.
   */
  canTake(min: number): boolean {
    return (
      !this.isEmpty &&
      (min === 1 || this.size >= min || this.exit !== undefined || this.used.some((lane) => lane.isFull))
    )
  }

  /** Accepts without waiting, or does not. */
  accept(element: A, name: string): boolean {
    const lane = this.lane(name)
    return this.exit === undefined && (this.room(lane) > 0 || this.lossy) && this.put(lane, element)
  }

  /** How many elements an offer may add that comes now: none while others wait. */
  room(lane: Lane<A>): number {
    return lane.isAwaited ? 0 : lane.capacity - lane.size
  }

  /** Accepts, or drops as the strategy says what does not fit. Answers whether it accepted. */
  put(lane: Lane<A>, element: A): boolean {
    if (lane.isFull) {
      lane.dropped++
      if (this.strategy === "dropping") return false
      lane.shift()
    }
    this.push(lane, element)
    return true
  }

  /** Answers whether offers were still taken. */
  complete(exit: Exit.Exit<never, E>): boolean {
    if (this.exit !== undefined) return false
    this.exit = exit
    this.#settle()
    return true
  }

  /** Answers whether there was anything left to end. */
  shutdown(): boolean {
    if (this.done) return false
    this.exit ??= Exit.interrupt()
    this.isShut = true
    this.remove(() => true, "dropped")
    this.#settle()
    return true
  }

  /** Suspends the current fiber, unless the waiter is ready, until it is worth trying again. */
  wait(at: Waiters, waiter: Waiter): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (waiter.ready()) return resume(Effect.void)
      const fiber = getCurrent()!
      this.#dispatcher = fiber.currentDispatcher
      this.#sync = fiber.cache.scheduler.executionMode === "sync"
      // One that comes back at once has kept its place.
      if (!waiter.waits) {
        waiter.join((at.waiters ??= new Waiter(() => false)))
        this.#waiting++
      }
      waiter.resume = resume
      return Effect.sync(() => {
        this.leave(waiter)
        // It may have been all that kept the mailbox from its end.
        this.changed()
      })
    })
  }

  leave(waiter: Waiter): void {
    if (waiter.waits) this.#waiting--
    waiter.leave()
  }

  /** Does now what is scheduled, so that what a fiber sees next does not depend on when the scheduler runs. */
  flush(): void {
    if (this.#scheduled) this.#settle()
  }

  changed(): void {
    if (this.#waiting > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const settle = () => this.#settle()
    // A microtask comes after all that is offered in one go, and far sooner than the scheduler's turn. But fibers that wake
    // each other must let timers and I/O through, and `Effect.runSync` runs nothing but what the scheduler holds.
    if (this.#sync || (++wakes & 127) === 0) this.#dispatcher!.scheduleTask(settle, 0)
    else void Promise.resolve().then(settle)
  }

  /** Wakes whoever can go on. */
  #settle(): void {
    this.#scheduled = false
    for (const lane of this.used) {
      while (lane.isAwaited && !lane.isFull) {
        // It stays in its place until it has had its turn, so that no other offer comes between.
        const waiter = lane.waiters!.next
        wake(waiter)
        if (waiter.resume === undefined) this.leave(waiter)
      }
    }
    let waiter = this.waiters?.next
    while (waiter !== this.waiters) {
      if (waiter!.ready()) {
        this.leave(waiter!)
        wake(waiter!)
        waiter = this.waiters!.next
      } else {
        waiter = this.isEmpty ? this.waiters : waiter!.next
      }
    }
  }
}

const wake = (waiter: Waiter): void => {
  const { resume } = waiter
  waiter.resume = undefined
  resume?.(Effect.void)
}

let wakes = 0
