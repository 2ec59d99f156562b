import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { getCurrent } from "effect/Fiber"
import { identity } from "effect/Function"
import { pipeArguments } from "effect/Pipeable"
import type { SchedulerDispatcher } from "effect/Scheduler"
import type { Lane } from "./Lane.ts"
import { Lanes } from "./Lanes.ts"
import { type RawOptions, type Strategy, strategyOf } from "./Options.ts"
import type { Waiter } from "./Waiter.ts"

export const TypeId = "~@agent-runtime/mailbox/PrioritizedMailbox"

/**
 * Lanes, the fibers that wait for them, and their end.
 *
 * Only `settle` and its callers wake fibers: `flush`, `complete` and `shutdown`. What accepts and removes elements
 * schedules `settle` instead: a fiber woken there and then could interrupt the one that is about to answer, and its element
 * would be lost, or be in the mailbox although its offer was interrupted.
 */
export class Mailbox<A, E> extends Lanes<A> {
  readonly strategy: Strategy
  /** Set when offers are no longer taken: the answer to takes once nothing is left. */
  exit: Exit.Exit<never, E> | undefined = undefined
  /** Fibers that wait for elements, or for the end. */
  #readers: Set<Waiter> | undefined = undefined
  /** How many offers wait, in all lanes. */
  #suspended = 0
  #scheduled = false
  /** Of the fiber that began to wait last. */
  #dispatcher: SchedulerDispatcher | undefined = undefined
  #sync = false

  constructor(options: RawOptions) {
    super(options)
    this.strategy = strategyOf(options)
  }

  get [TypeId]() {
    return { offers: variance, takes: variance }
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  /** Nothing is left inside, nothing waits to come in, and nothing more will. */
  get done(): boolean {
    return this.exit !== undefined && this.isEmpty && this.#suspended === 0
  }

  /** Whether full lanes drop elements, so that no offer waits or fails. */
  get lossy(): boolean {
    return this.strategy === "sliding" || this.strategy === "dropping"
  }

  /** Accepts as the strategy says, without waiting, or does not. */
  accept(element: A, index: number): boolean {
    const lane = this.lane(index)
    if (this.exit !== undefined) return false
    if (lane.size >= lane.capacity || lane.offers !== undefined) {
      if (!this.lossy) return false
      lane.dropped++
      if (this.strategy === "dropping") return false
      lane.shift()
    }
    this.push(lane, element)
    return true
  }

  /** Accepts in order what it can. Answers the rest. */
  acceptAll(elements: Iterable<A>, index: number): Array<A> {
    return Array.from(elements).filter((element) => !this.accept(element, index))
  }

  override push(lane: Lane<A>, element: A): void {
    super.push(lane, element)
    if (this.#readers !== undefined && this.#readers.size > 0) this.schedule()
  }

  /**
   * Whether a take of at least `min` need not wait. When a lane is full, or no offer is taken any more, `min` may never
   * be reached: then what there is will do.
   */
  canTake(min: number): boolean {
    return (
      !this.isEmpty &&
      (min === 1 || this.size >= min || this.exit !== undefined || this.names.some((_, i) => this.isFull(i)))
    )
  }

  override shift(): A {
    const element = super.shift()
    this.afterRemoval()
    return element
  }

  override shiftMany(max: number): Array<A> {
    const elements = super.shiftMany(max)
    this.afterRemoval()
    return elements
  }

  override remove(predicate: (element: A, lane: string) => boolean, as: "removed" | "dropped"): Array<A> {
    const elements = super.remove(predicate, as)
    this.afterRemoval()
    return elements
  }

  private afterRemoval(): void {
    if (this.#suspended > 0 || (this.exit !== undefined && this.isEmpty)) this.schedule()
  }

  /** Answers whether offers were still taken. */
  complete(exit: Exit.Exit<never, E>): boolean {
    if (this.exit !== undefined) return false
    this.exit = exit
    this.settle()
    return true
  }

  /** Answers whether there was anything left to end. */
  shutdown(): boolean {
    if (this.done) return false
    this.exit ??= Exit.interrupt()
    super.remove(() => true, "dropped")
    const offers = this.used.flatMap((lane) => [...(lane.offers ?? [])].filter((waiter) => this.leave(lane, waiter)))
    for (const waiter of offers) wake(waiter)
    this.settle()
    return true
  }

  /** Waits until `ready`, or a little longer. */
  wait(ready: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready()) return resume(Exit.void)
      const waiter: Waiter = { ready, resume }
      this.expect()
      this.#readers = (this.#readers ?? new Set()).add(waiter)
      return Effect.sync(() => this.#readers?.delete(waiter))
    })
  }

  /** The same as an offer to a full lane, which keeps its place for as long as it comes back at once. */
  waitAt(lane: Lane<A>, waiter: Waiter): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (waiter.ready()) return resume(Exit.void)
      this.expect()
      const before = lane.offers?.size ?? 0
      lane.offers = (lane.offers ?? new Set()).add(waiter)
      this.#suspended += lane.offers.size - before
      waiter.resume = resume
      return Effect.sync(() => this.leave(lane, waiter))
    })
  }

  /** An offer waits no longer. Answers whether it did. */
  leave(lane: Lane<A>, waiter: Waiter): boolean {
    if (!lane.offers?.delete(waiter)) return false
    if (lane.offers.size === 0) lane.offers = undefined
    this.#suspended--
    // It may have been all that kept the mailbox from its end.
    this.afterRemoval()
    return true
  }

  /** Does now what is scheduled, so that what a fiber sees next does not depend on when the scheduler runs. */
  flush(): void {
    if (this.#scheduled) this.settle()
  }

  /** Wakes whoever can go on. */
  private settle(): void {
    this.#scheduled = false
    for (const lane of this.#suspended === 0 ? [] : this.used) {
      for (const waiter of lane.offers ?? []) {
        if (lane.size >= lane.capacity) break
        // It stays in its place until it has had its turn, so that no other offer comes between.
        wake(waiter)
        if (waiter.resume === undefined) this.leave(lane, waiter)
      }
    }
    for (const waiter of this.#readers ?? []) {
      if (this.isEmpty && !this.done) break
      if (!waiter.ready()) continue
      this.#readers?.delete(waiter)
      wake(waiter)
    }
  }

  private expect(): void {
    const fiber = getCurrent()!
    this.#dispatcher = fiber.currentDispatcher
    this.#sync = fiber.cache.scheduler.executionMode === "sync"
  }

  private schedule(): void {
    if (this.#scheduled || this.#dispatcher === undefined) return
    this.#scheduled = true
    const settle = () => this.settle()
    // A microtask comes after all that is offered in one go, and far sooner than the scheduler's turn. But fibers that wake
    // each other must let timers and I/O through, and `Effect.runSync` runs nothing but what the scheduler holds.
    if (this.#sync || (++wakes & 63) === 0) this.#dispatcher.scheduleTask(settle, 0)
    else void resolved.then(settle)
  }
}

const wake = (waiter: Waiter): void => {
  const { resume } = waiter
  waiter.resume = undefined
  resume?.(Exit.void)
}

const resolved = Promise.resolve()

let wakes = 0

const variance = { _A: identity, _E: identity, _Lane: identity, _OfferError: identity }
