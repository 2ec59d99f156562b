import type { RuntimeStore } from "@agent-runtime/core"

/**
 * A runtime that this store holds, with what the next commit of it must know. Only a commit that has succeeded changes it.
 */
export class Held implements RuntimeStore.Handle {
  /** Its key in the database. */
  readonly runtime: number
  readonly id: RuntimeStore.Handle["id"]
  readonly agent: string
  readonly epoch: number
  /** The position of its newest log row, 0 before the first. */
  head: number
  /** The position of the activity that runs, 0 if none does. */
  running: number
  /** How many of its activities are pending. */
  pending: number
  /** The positions of those that have ended and whose rows are still there. */
  ended: ReadonlyArray<number>

  constructor(
    runtime: number,
    of: RuntimeStore.Handle,
    at: {
      readonly head: number
      readonly running: number
      readonly pending: number
      readonly ended: ReadonlyArray<number>
    }
  ) {
    this.runtime = runtime
    this.id = of.id
    this.agent = of.agent
    this.epoch = of.epoch
    this.head = at.head
    this.running = at.running
    this.pending = at.pending
    this.ended = at.ended
  }
}
