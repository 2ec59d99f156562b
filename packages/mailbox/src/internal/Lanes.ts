import { Lane } from "./Lane.ts"
import { type Capacity, capacityOf, invalid, lanesOf, maxSkipsOf, type RawOptions } from "./Options.ts"

/**
 * What a lane holds and has seen. `offered` is always `size + taken + dropped + removed`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LaneCounters {
  /** Elements inside now. */
  readonly size: number
  /** Elements that came in, or were dropped instead. */
  readonly offered: number
  /** Elements that were taken. */
  readonly taken: number
  /** Elements refused by `"dropping"`, given up by `"sliding"`, or discarded by a shutdown. */
  readonly dropped: number
  /** Elements taken out by `remove`. */
  readonly removed: number
}

/**
 * The counters of a mailbox, as they were when asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counters<Lane extends string> {
  readonly lanes: { readonly [L in Lane]: LaneCounters }
  /** Takes from a lane while a higher one held something: the price of `maxSkips`. */
  readonly outOfOrder: number
}

/**
 * Elements in ordered lanes, and which of them goes next.
 *
 * Invariant: lane 0 is the highest. Bit `i` of `nonEmpty` is set exactly when lane `i` holds something. A lane that holds
 * nothing has no skips, and bit `i` of `overdue` is set exactly when the skips of lane `i` have reached `maxSkips`. So
 * the lane that goes next is the lowest set bit of `overdue`, or else of `nonEmpty`: nothing is searched for.
 */
export abstract class Lanes<A> {
  readonly names: ReadonlyArray<string>
  /** Infinite where priority is strict. */
  readonly maxSkips: number
  /** Takes from a lane while a higher one held something. */
  outOfOrder = 0
  readonly #capacity: Capacity
  #nonEmpty = 0
  #overdue = 0
  /** Made on first use, so that an idle mailbox costs next to nothing. */
  #lanes: ReadonlyArray<Lane<A> | undefined> = none

  constructor(options: RawOptions) {
    this.names = lanesOf(options)
    this.#capacity = capacityOf(options, this.names)
    this.maxSkips = maxSkipsOf(options)
  }

  /** The lane, unless nothing was ever offered to it. */
  find(name: string): Lane<A> | undefined {
    return this.#lanes[this.#indexOf(name)]
  }

  lane(name: string): Lane<A> {
    return this.find(name) ?? this.#makeLane(name)
  }

  /** Called when elements have come or gone. */
  abstract changed(): void

  get isEmpty(): boolean {
    return this.#nonEmpty === 0
  }

  get size(): number {
    return this.used.reduce((size, lane) => size + lane.size, 0)
  }

  counters(): Counters<string> {
    const lanes = this.names.map((name) => {
      const { dropped, removed, size, taken } = this.find(name) ?? new Lane(name, 0, 0)
      return [name, { size, offered: size + taken + dropped + removed, taken, dropped, removed }] as const
    })
    return { lanes: Object.fromEntries(lanes), outOfOrder: this.outOfOrder }
  }

  /** The lanes that were ever offered to, highest first. */
  get used(): Array<Lane<A>> {
    return this.#lanes.filter((lane) => lane !== undefined)
  }

  /** The lane must have room. */
  push(lane: Lane<A>, element: A): void {
    lane.push(element)
    this.#nonEmpty |= lane.bit
    this.changed()
  }

  /** The element that `shift` would give. */
  peek(): A | undefined {
    return this.isEmpty ? undefined : this.#next().peek()
  }

  /** There must be an element. */
  shift(): A {
    const lane = this.#next()
    if (this.#nonEmpty !== lane.bit) this.#passOver(lane.bit)
    this.#unskip(lane)
    const element = lane.shift()
    lane.taken++
    if (lane.size === 0) this.#nonEmpty ^= lane.bit
    this.changed()
    return element
  }

  /** Up to `max` elements, in the order of single shifts. */
  shiftMany(max: number): Array<A> {
    let taken: Array<A> = []
    while (taken.length < max && !this.isEmpty) {
      const lane = this.#next()
      if (this.#nonEmpty === lane.bit && lane.size <= max - taken.length) {
        // No other lane holds anything that could be passed over.
        lane.taken += lane.size
        taken = lane.appendedTo(taken)
        this.#replace(lane, [])
      } else {
        taken.push(this.shift())
      }
    }
    return taken
  }

  /** Takes out what the predicate picks, highest lane first, or nothing when it throws. */
  remove(predicate: (element: A, lane: string) => boolean, as: "removed" | "dropped"): Array<A> {
    const removed: Array<A> = []
    const kept = this.used.map((lane) =>
      lane.appendedTo([]).filter((element) => {
        const picked = predicate(element, lane.name)
        if (picked) removed.push(element)
        return !picked
      })
    )
    this.used.forEach((lane, index) => {
      lane[as] += lane.size - kept[index]!.length
      this.#replace(lane, kept[index]!)
    })
    return removed
  }

  #indexOf(name: string): number {
    const { names } = this
    // Which lane comes next cannot be foreseen: to go on costs less than a branch that is mispredicted.
    let found = 0
    for (let i = 0; i < names.length; i++) found |= Number(names[i] === name) << i
    return found === 0 ? invalid("lane", name, `of ${names.join(", ")}`) : 31 - Math.clz32(found)
  }

  #makeLane(name: string): Lane<A> {
    const capacity = typeof this.#capacity === "number" ? this.#capacity : this.#capacity[name]!
    const lane = new Lane<A>(name, 1 << this.#indexOf(name), capacity)
    this.#lanes = this.names.map((other, index) => (other === name ? lane : this.#lanes[index]))
    return lane
  }

  #next(): Lane<A> {
    return this.#highest(this.#overdue === 0 ? this.#nonEmpty : this.#overdue)
  }

  #highest(bits: number): Lane<A> {
    return this.#lanes[31 - Math.clz32(bits & -bits)]!
  }

  /** Counts a take from the lane of `bit` against the lower lanes that hold something. */
  #passOver(bit: number): void {
    if ((this.#nonEmpty & (bit - 1)) !== 0) this.outOfOrder++
    for (let passed = this.#nonEmpty & (-bit << 1); passed !== 0; passed &= passed - 1) {
      const lane = this.#highest(passed)
      if (++lane.skips >= this.maxSkips) this.#overdue |= lane.bit
    }
  }

  /** Puts other elements in the place of all of a lane. */
  #replace(lane: Lane<A>, kept: Array<A>): void {
    lane.replace(kept)
    if (kept.length === 0) {
      this.#nonEmpty &= ~lane.bit
      this.#unskip(lane)
    }
    this.changed()
  }

  #unskip(lane: Lane<A>): void {
    lane.skips = 0
    this.#overdue &= ~lane.bit
  }
}

// Shared by all mailboxes that nothing was offered to.
const none: ReadonlyArray<never> = []
