import { Effect, type Fiber } from "effect"
import { reportDefect } from "./reportDefect.ts"

/** One alarm. `index` is its place in the heap, -1 when it is not set. */
export interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
  index: number
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** The longest sleep of one fiber: Node's timers overflow past 2^31 - 1 milliseconds. */
const longest = 2_000_000_000

/**
 * All alarms of a manager in one binary heap, with one sleeping fiber for the earliest: time is the `Clock`'s, so tests
 * drive it with `TestClock`.
 *
 * Invariant: `heap[i].index === i`, and no alarm is before its parent (alarms of one time keep the order they were set in) `heap[(i - 1) >> 1]`.
 */
export class Timers {
  private readonly heap: Array<Timer> = []
  private readonly now: () => number
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private order = 0
  private closed = false
  private sleeping: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined

  /** `now` and the times of the alarms count milliseconds from the same moment. */
  constructor(now: () => number, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.now = now
    this.fork = fork
  }

  get size(): number {
    return this.heap.length
  }

  /** Sets an alarm; after `close` it never rings. */
  set(at: number, run: () => void): Timer {
    const timer: Timer = { at, order: this.order++, run, index: this.closed ? -1 : this.heap.length }
    if (this.closed) return timer
    this.heap.push(timer)
    this.up(timer.index)
    this.arm()
    return timer
  }

  cancel(timer: Timer): void {
    const index = timer.index
    if (index < 0) return
    timer.index = -1
    const last = this.heap.pop()!
    if (last !== timer) {
      this.heap[index] = last
      last.index = index
      this.up(index)
      this.down(last.index)
    }
    if (this.heap.length === 0) this.arm()
  }

  /** Stops the sleeping fiber and forgets every alarm. */
  close(): void {
    this.closed = true
    for (const timer of this.heap) timer.index = -1
    this.heap.length = 0
    this.arm()
  }

  private arm(): void {
    const first = this.heap[0]
    if (this.sleeping !== undefined) {
      if (first !== undefined && this.sleeping.at <= first.at) return
      const { fiber } = this.sleeping
      this.sleeping = undefined
      fiber.interruptUnsafe()
    }
    if (first === undefined) return
    const wait = Math.max(0, Math.min(first.at - this.now(), longest))
    const fiber = this.fork(Effect.flatMap(Effect.sleep(wait), () => Effect.sync(this.fire)))
    if (fiber.pollUnsafe() === undefined) this.sleeping = { at: first.at, fiber }
  }

  private readonly fire = (): void => {
    this.sleeping = undefined
    const now = this.now()
    let first = this.heap[0]
    while (first !== undefined && first.at <= now) {
      this.cancel(first)
      try {
        first.run()
      } catch (defect) {
        reportDefect(defect)
      }
      first = this.heap[0]
    }
    this.arm()
  }

  private up(start: number): void {
    let index = start
    while (index > 0 && isBefore(this.heap[index]!, this.heap[(index - 1) >> 1]!)) {
      index = this.swap(index, (index - 1) >> 1)
    }
  }

  private down(start: number): void {
    let index = start
    for (;;) {
      const left = 2 * index + 1
      let least = index
      if (left < this.heap.length && isBefore(this.heap[left]!, this.heap[least]!)) least = left
      if (left + 1 < this.heap.length && isBefore(this.heap[left + 1]!, this.heap[least]!)) least = left + 1
      if (least === index) return
      index = this.swap(index, least)
    }
  }

  private swap(a: number, b: number): number {
    const x = this.heap[a]!
    const y = this.heap[b]!
    this.heap[a] = y
    this.heap[b] = x
    y.index = a
    x.index = b
    return b
  }
}
