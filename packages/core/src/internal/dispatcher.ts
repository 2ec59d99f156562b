import { Deque } from "./deque.ts"
import { reportDefect } from "./reportDefect.ts"

/** Something that has work: `turn` does at most `budget` units and answers how many it did. */
export interface Runnable {
  turn(budget: number): number
}

/** Units of work in one turn of the event loop, so that I/O and other fibers get theirs. */
const slice = 2048
/** Units in a row for one runnable, so that a long backlog does not hold up the others. */
const turn = 64
/** How often one reading of the clock is used again. */
const uses = 16

/**
 * Runs what has work, round robin, in slices of the event loop. Wake-ups of fibers (`defer`) run after the slice that
 * caused them: a burst of events reaches a subscriber at once, and no user code runs inside the processing loop.
 */
export class Dispatcher {
  private readonly scheduleTask: (task: () => void) => void
  private readonly ready = new Deque<Runnable>()
  private readonly deferred = new Deque<() => void>()
  private scheduled = false
  private readonly clock: () => number
  private time = 0
  /** How often `time` may still be used. */
  private left = 0

  constructor(scheduleTask: (task: () => void) => void, clock: () => number) {
    this.scheduleTask = scheduleTask
    this.clock = clock
  }

  /**
   * The time, for what happens to every activity: to read the clock costs as much as to accept one. A reading is used
   * again within one slice of the event loop, and while a slice is about to come, but a few times only.
   */
  get now(): number {
    if (this.scheduled && this.left-- > 0) return this.time
    this.left = uses
    return (this.time = this.clock())
  }

  enqueue(runnable: Runnable): void {
    this.ready.push(runnable)
    if (!this.scheduled) this.schedule()
  }

  readonly defer = (task: () => void): void => {
    this.deferred.push(task)
    if (!this.scheduled) this.schedule()
  }

  private turn(runnable: Runnable, budget: number): number {
    try {
      return runnable.turn(budget)
    } catch (defect) {
      reportDefect(defect)
      return 1
    }
  }

  private perform(task: () => void): void {
    try {
      task()
    } catch (defect) {
      reportDefect(defect)
    }
  }

  private schedule(): void {
    this.scheduled = true
    this.left = 0
    this.scheduleTask(this.run)
  }

  private readonly run = (): void => {
    this.left = 0
    try {
      let budget = slice
      while (budget > 0) {
        const runnable = this.ready.shift()
        if (runnable === undefined) break
        budget -= 1 + this.turn(runnable, budget < turn ? budget : turn)
      }
      this.left = 0
      for (let tasks = this.deferred.length; tasks > 0; tasks--) this.perform(this.deferred.shift()!)
    } finally {
      this.scheduled = false
      if (this.ready.length > 0 || this.deferred.length > 0) this.schedule()
    }
  }
}
