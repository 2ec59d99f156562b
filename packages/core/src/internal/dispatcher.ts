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

/**
 * Runs what has work, round robin, in slices of the event loop. Wake-ups of fibers (`defer`) run after the slice that
 * caused them: a burst of events reaches a subscriber at once, and no user code runs inside the processing loop.
 */
export class Dispatcher {
  private readonly scheduleTask: (task: () => void) => void
  private readonly ready = new Deque<Runnable>()
  private deferred: Array<() => void> = []
  private scheduled = false

  constructor(scheduleTask: (task: () => void) => void) {
    this.scheduleTask = scheduleTask
  }

  enqueue(runnable: Runnable): void {
    this.ready.push(runnable)
    if (!this.scheduled) this.schedule()
  }

  defer(task: () => void): void {
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
    this.scheduleTask(this.run)
  }

  private readonly run = (): void => {
    try {
      let budget = slice
      while (budget > 0) {
        const runnable = this.ready.shift()
        if (runnable === undefined) break
        budget -= 1 + this.turn(runnable, budget < turn ? budget : turn)
      }
      if (this.deferred.length > 0) {
        const tasks = this.deferred
        this.deferred = []
        for (const task of tasks) this.perform(task)
      }
    } finally {
      this.scheduled = false
      if (this.ready.length > 0 || this.deferred.length > 0) this.schedule()
    }
  }
}
