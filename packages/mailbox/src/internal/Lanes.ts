import { Lane } from "./Lane.ts"
import { MailboxArgumentInvalid } from "./MailboxError.ts"
import { capacityOf, lanesOf, maxSkipsOf, type RawOptions } from "./Options.ts"

/**
 * Elements in ordered lanes, and which of them goes next.
 *
 * Invariant: lane 0 is the highest. Bit `i` of `nonEmpty` is set exactly when lane `i` holds something. A lane that holds
 * nothing has no skips, and bit `i` of `overdue` is set exactly when the skips of lane `i` have reached `maxSkips`. So
 * the lane that goes next is the lowest set bit of `overdue`, or else of `nonEmpty`: nothing is searched for. `size` is
 * the sum of the sizes of the lanes.
 */
export class Lanes<A> {
  readonly names: ReadonlyArray<string>
  readonly capacities: number | ReadonlyArray<number>
  readonly maxSkips: number
  size = 0
  /** Takes from a lane while a higher one held something. */
  outOfOrder = 0
  private nonEmpty = 0
  private overdue = 0
  private lanes: Array<Lane<A> | undefined> | undefined = undefined

  constructor(options: RawOptions) {
    this.names = lanesOf(options)
    this.capacities = capacityOf(options, this.names)
    this.maxSkips = maxSkipsOf(options)
  }

  indexOf(name: string): number {
    const { names } = this
    for (let i = 0; i < names.length; i++) if (names[i] === name) return i
    throw new MailboxArgumentInvalid({ argument: "lane", value: name, reason: `must be one of ${names.join(", ")}` })
  }

  capacityOf(index: number): number {
    return typeof this.capacities === "number" ? this.capacities : this.capacities[index]!
  }

  /** Made on first use, so that an idle mailbox costs next to nothing. */
  lane(index: number): Lane<A> {
    const lanes = (this.lanes ??= this.names.map(() => undefined))
    return (lanes[index] ??= new Lane(index, this.capacityOf(index)))
  }

  laneIfUsed(index: number): Lane<A> | undefined {
    return this.lanes?.[index]
  }

  isFull(index: number): boolean {
    return (this.lanes?.[index]?.size ?? 0) >= this.capacityOf(index)
  }

  countersOf(index: number) {
    const { dropped, offered, removed, size, taken } = this.lanes?.[index] ?? unused
    return { size, offered, taken, dropped, removed }
  }

  /** The lanes that were ever offered to, highest first. */
  get used(): Array<Lane<A>> {
    return (this.lanes ?? []).filter((lane) => lane !== undefined)
  }

  /** The lane must have room. */
  push(lane: Lane<A>, element: A): void {
    lane.push(element)
    lane.offered++
    this.size++
    this.nonEmpty |= lane.bit
  }

  /** Makes room by giving up the oldest element of a lane, which must have one. */
  evict(lane: Lane<A>): A {
    const oldest = lane.shift()
    lane.dropped++
    this.size--
    if (lane.size === 0) this.emptied(lane)
    return oldest
  }

  /** The element that `shift` would give. */
  peek(): A | undefined {
    return this.size === 0 ? undefined : this.next().peek()
  }

  /** There must be an element. */
  shift(): A {
    const lane = this.next()
    if (this.nonEmpty !== lane.bit) this.passOver(lane.bit)
    if (lane.skips !== 0) this.unskip(lane)
    const element = lane.shift()
    lane.taken++
    this.size--
    if (lane.size === 0) this.nonEmpty ^= lane.bit
    return element
  }

  /** Up to `max` elements, in the order of single shifts. */
  shiftMany(max: number): Array<A> {
    const taken: Array<A> = []
    while (taken.length < max && this.size > 0) {
      const lane = this.next()
      if (this.nonEmpty === lane.bit && lane.size <= max - taken.length) {
        // No other lane holds anything that could be passed over.
        lane.taken += lane.size
        this.drain(lane, taken)
      } else {
        taken.push(this.shift())
      }
    }
    return taken
  }

  /** Takes out what the predicate picks, highest lane first, or nothing when it throws. */
  remove(predicate: (element: A, lane: string) => boolean): Array<A> {
    const removed: Array<A> = []
    const changes: Array<readonly [lane: Lane<A>, kept: Array<A>]> = []
    for (const lane of this.used) {
      const kept: Array<A> = []
      for (const element of lane.toArray()) {
        ;(predicate(element, this.names[lane.index]!) ? removed : kept).push(element)
      }
      if (kept.length < lane.size) changes.push([lane, kept])
    }
    for (const [lane, kept] of changes) {
      lane.removed += lane.size - kept.length
      this.size -= lane.size - kept.length
      lane.drainTo([])
      for (const element of kept) lane.push(element)
      if (lane.size === 0) this.emptied(lane)
    }
    return removed
  }

  /** Gives up everything. */
  discard(): void {
    for (const lane of this.used) {
      lane.dropped += lane.size
      this.drain(lane, [])
    }
  }

  private next(): Lane<A> {
    const lanes = this.overdue === 0 ? this.nonEmpty : this.overdue
    return this.lanes![31 - Math.clz32(lanes & -lanes)]!
  }

  /** Counts a take from the lane of `bit` against the lower lanes that hold something. */
  private passOver(bit: number): void {
    if ((this.nonEmpty & (bit - 1)) !== 0) this.outOfOrder++
    let passed = this.maxSkips === Infinity ? 0 : this.nonEmpty & ~(bit | (bit - 1))
    while (passed !== 0) {
      const lane = this.lanes![31 - Math.clz32(passed)]!
      if (++lane.skips >= this.maxSkips) this.overdue |= lane.bit
      passed ^= lane.bit
    }
  }

  private drain(lane: Lane<A>, target: Array<A>): void {
    this.size -= lane.size
    lane.drainTo(target)
    this.emptied(lane)
  }

  private emptied(lane: Lane<A>): void {
    this.nonEmpty &= ~lane.bit
    this.unskip(lane)
  }

  private unskip(lane: Lane<A>): void {
    lane.skips = 0
    this.overdue &= ~lane.bit
  }
}

const unused = { size: 0, offered: 0, taken: 0, dropped: 0, removed: 0 }
