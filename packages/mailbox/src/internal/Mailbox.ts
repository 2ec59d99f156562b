import * as Exit from "effect/Exit"
import type { Fiber } from "effect/Fiber"
import { identity } from "effect/Function"
import { NodeInspectSymbol } from "effect/Inspectable"
import { pipeArguments } from "effect/Pipeable"
import type { SchedulerDispatcher } from "effect/Scheduler"
import type { Lane } from "./Lane.ts"
import { Lanes } from "./Lanes.ts"
import { type RawOptions, type Strategy, strategyOf } from "./Options.ts"
import { type Waiter, Waiters } from "./Waiters.ts"

/** `accept` answers it when the element is in and none had to go for it. */
export const accepted: unique symbol = Symbol()

/** `accept` answers it when the element is not in. */
export const refused: unique symbol = Symbol()

export const EnqueueTypeId = "~@agent-runtime/mailbox/PrioritizedMailbox/Enqueue"

export const DequeueTypeId = "~@agent-runtime/mailbox/PrioritizedMailbox/Dequeue"

/**
 * Lanes, the fibers that wait for them, and their completion.
 *
 * Only `settle`, `complete` and `shutdown` wake fibers. What takes and accepts elements schedules `settle` instead: a fiber
 * woken there and then could interrupt the one that is about to answer, and its element would be lost, or be in the
 * mailbox although its offer was interrupted.
 */
export class Mailbox<A, E> extends Lanes<A> {
  readonly strategy: Strategy
  /** Set when offers are no longer taken: what takes answer once nothing is left. */
  exit: Exit.Exit<never, E> | undefined = undefined
  /** Of the fiber that began to wait last. */
  private dispatcher: SchedulerDispatcher | undefined = undefined
  private sync = false
  private waitingTakers: Waiters | undefined = undefined
  private waitingForEnd: Waiters | undefined = undefined
  /** How many offers wait, in all lanes. */
  private suspended = 0
  private scheduled = false

  constructor(options: RawOptions) {
    super(options)
    this.strategy = strategyOf(options)
  }

  get takers(): Waiters {
    return (this.waitingTakers ??= new Waiters())
  }

  /** Fibers that wait for the end. */
  get awaiters(): Waiters {
    return (this.waitingForEnd ??= new Waiters())
  }

  get [EnqueueTypeId]() {
    return variance
  }

  get [DequeueTypeId]() {
    return variance
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return {
      _id: "PrioritizedMailbox",
      state: this.exit === undefined ? "open" : this.done ? "done" : "closing",
      lanes: Object.fromEntries(this.names.map((name, index) => [name, this.sizeOf(index)]))
    }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  /** Nothing is left inside, nothing waits to come in, and nothing more will. */
  get done(): boolean {
    return this.exit !== undefined && this.isEmpty && this.suspended === 0
  }

  /** Whether an offer of so many elements to a lane need not wait, nor fail. */
  accepts(index: number, count: number): boolean {
    return (
      this.exit !== undefined ||
      this.strategy === "sliding" ||
      this.strategy === "dropping" ||
      this.room(this.lane(index), false) >= count
    )
  }

  /** How many elements a lane takes now: none while earlier offers wait, unless it is their turn. */
  room(lane: Lane<A>, turn: boolean): number {
    return turn || lane.firstOfferer === undefined ? lane.capacity - lane.size : 0
  }

  /** Accepts as the strategy says, without waiting. Answers the element that had to go, if one had to. */
  accept(element: A, index: number): A | typeof accepted | typeof refused {
    const lane = this.lane(index)
    if (this.exit !== undefined) return refused
    if (lane.size < lane.capacity && lane.firstOfferer === undefined) {
      this.admit(lane, element)
      return accepted
    }
    if (this.strategy === "sliding") {
      const oldest = this.evict(lane)
      this.admit(lane, element)
      return oldest
    }
    if (this.strategy === "dropping") lane.dropped++
    return refused
  }

  /** Accepts in order what it can. Answers the rest. */
  acceptAll(elements: Iterable<A>, index: number): Array<A> {
    const rest: Array<A> = []
    for (const element of elements) if (this.accept(element, index) === refused) rest.push(element)
    return rest
  }

  /** The lane must have room. */
  admit(lane: Lane<A>, element: A): void {
    this.push(lane, element)
    if (this.waitingTakers?.head !== undefined) this.schedule()
  }

  /**
   * Whether a take of at least `min` need not wait. When a lane is full, or no offer is taken any more, `min` may never
   * be reached: then what there is will do.
   */
  canTake(min: number): boolean {
    return (
      !this.isEmpty &&
      (min === 1 || this.size >= min || this.exit !== undefined || this.used.some((lane) => lane.size >= lane.capacity))
    )
  }

  /** There must be an element. */
  poll(): A {
    const element = this.shift()
    this.afterRemoval()
    return element
  }

  pollMany(max: number): Array<A> {
    const elements = this.shiftMany(max)
    this.afterRemoval()
    return elements
  }

  removeWhere(predicate: (element: A, lane: string) => boolean): Array<A> {
    const elements = this.remove(predicate)
    this.afterRemoval()
    return elements
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
    this.discard()
    const offerers: Array<Waiter> = []
    for (const lane of this.used) {
      for (let waiter = lane.firstOfferer; waiter !== undefined; waiter = lane.firstOfferer) {
        offerers.push(waiter)
        this.leave(lane, waiter)
      }
    }
    for (const waiter of offerers) waiter.wake()
    this.settle()
    return true
  }

  /** Makes sure that a fiber which is about to wait will be woken. */
  expect(fiber: Fiber<unknown, unknown>): void {
    this.dispatcher = fiber.currentDispatcher
    this.sync = fiber.cache.scheduler.executionMode === "sync"
  }

  waitAt(lane: Lane<A>, waiter: Waiter): void {
    lane.offerers.add(waiter)
    this.suspended++
  }

  leave(lane: Lane<A>, waiter: Waiter): void {
    if (!lane.offerers.remove(waiter)) return
    this.suspended--
    // The last offer that waited may have been all that kept the mailbox from its end.
    if (this.exit !== undefined) this.schedule()
  }

  /** Does now what is scheduled, so that what a fiber sees next does not depend on when the scheduler runs. */
  flush(): void {
    if (this.scheduled) this.settle()
  }

  /** Wakes whoever can go on. */
  private settle(): void {
    this.scheduled = false
    if (this.suspended > 0) {
      for (const lane of this.used) {
        for (let waiter = lane.firstOfferer; waiter !== undefined && lane.size < lane.capacity;) {
          // It stays in the queue until it has had its turn, so that no other offer comes between.
          waiter.wake()
          this.leave(lane, waiter)
          waiter = lane.firstOfferer
        }
      }
    }
    for (let waiter = this.waitingTakers?.head; waiter !== undefined && (!this.isEmpty || this.done);) {
      if (this.done || this.canTake(waiter.min)) {
        this.takers.remove(waiter)
        waiter.wake()
        waiter = this.takers.head
      } else {
        waiter = waiter.next
      }
    }
    for (let waiter = this.waitingForEnd?.head; waiter !== undefined && this.done; waiter = this.awaiters.head) {
      this.awaiters.remove(waiter)
      waiter.wake()
    }
  }

  private schedule(): void {
    if (this.scheduled || this.dispatcher === undefined) return
    this.scheduled = true
    const settle = () => this.settle()
    // A microtask comes after all that is offered in one go, and far sooner than the scheduler's turn. But fibers that wake
    // each other must let timers and I/O through, and `Effect.runSync` runs nothing but what the scheduler holds.
    if (this.sync || (++wakes & 63) === 0) this.dispatcher.scheduleTask(settle, 0)
    else queueMicrotask(settle)
  }

  private afterRemoval(): void {
    if (this.suspended > 0 || (this.exit !== undefined && this.isEmpty)) this.schedule()
  }
}

// Every runtime has it, and no library of TypeScript's that all of them share.
declare const queueMicrotask: (task: () => void) => void

let wakes = 0

const variance = { _A: identity, _E: identity, _Lane: identity, _OfferError: identity }
