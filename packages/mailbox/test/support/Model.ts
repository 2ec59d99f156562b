/** The mailbox as its rules say it, slow and obvious: what the real one is compared with. */
import type { PrioritizedMailbox } from "@agent-runtime/mailbox"

export interface ModelOptions {
  readonly lanes: ReadonlyArray<string>
  readonly capacity: number
  readonly strategy: PrioritizedMailbox.Strategy
  /** Undefined where priority is strict. */
  readonly maxSkips: number | undefined
}

export interface ModelLane {
  readonly elements: Array<number>
  skips: number
  offered: number
  taken: number
  dropped: number
  removed: number
}

export class Model {
  readonly options: ModelOptions
  readonly lanes: ReadonlyArray<ModelLane>
  outOfOrder = 0
  ending = false

  constructor(options: ModelOptions) {
    this.options = options
    this.lanes = options.lanes.map(() => ({ elements: [], skips: 0, offered: 0, taken: 0, dropped: 0, removed: 0 }))
  }

  get size(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.elements.length, 0)
  }

  get anyFull(): boolean {
    return this.lanes.some((lane) => lane.elements.length >= this.options.capacity)
  }

  hasRoom(index: number): boolean {
    return this.lanes[index]!.elements.length < this.options.capacity
  }

  /** M3: whether the element is in, for a mailbox that takes offers. */
  offer(index: number, element: number): boolean {
    const lane = this.lanes[index]!
    if (!this.hasRoom(index)) {
      if (this.options.strategy === "suspend" || this.options.strategy === "fail") return false
      lane.offered++
      lane.dropped++
      if (this.options.strategy === "dropping") return false
      lane.elements.shift()
      lane.elements.push(element)
      return true
    }
    lane.offered++
    lane.elements.push(element)
    return true
  }

  /** M2: the lane that goes next. */
  next(): number {
    const { maxSkips } = this.options
    const overdue =
      maxSkips === undefined ? -1 : this.lanes.findIndex((lane) => lane.elements.length > 0 && lane.skips >= maxSkips)
    return overdue >= 0 ? overdue : this.lanes.findIndex((lane) => lane.elements.length > 0)
  }

  peek(): number | undefined {
    return this.lanes[this.next()]?.elements[0]
  }

  take(): number | undefined {
    const next = this.next()
    if (next < 0) return undefined
    if (this.lanes.slice(0, next).some((lane) => lane.elements.length > 0)) this.outOfOrder++
    for (const lane of this.lanes.slice(next + 1)) if (lane.elements.length > 0) lane.skips++
    const lane = this.lanes[next]!
    lane.skips = 0
    lane.taken++
    return lane.elements.shift()
  }

  takeUpTo(max: number): Array<number> {
    const taken: Array<number> = []
    while (taken.length < max && this.size > 0) taken.push(this.take()!)
    return taken
  }

  remove(predicate: (element: number) => boolean): Array<number> {
    return this.lanes.flatMap((lane) => {
      const removed = lane.elements.filter(predicate)
      const kept = lane.elements.filter((element) => !predicate(element))
      lane.elements.splice(0, Infinity, ...kept)
      lane.removed += removed.length
      if (kept.length === 0) lane.skips = 0
      return removed
    })
  }

  discard(): void {
    for (const lane of this.lanes) {
      lane.dropped += lane.elements.length
      lane.elements.length = 0
      lane.skips = 0
    }
  }

  counters() {
    return {
      lanes: Object.fromEntries(
        this.options.lanes.map((name, index) => {
          const { dropped, elements, offered, removed, taken } = this.lanes[index]!
          return [name, { size: elements.length, offered, taken, dropped, removed }]
        })
      ),
      outOfOrder: this.outOfOrder
    }
  }
}
