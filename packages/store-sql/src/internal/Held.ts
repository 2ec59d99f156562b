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

  constructor(runtime: number, of: RuntimeStore.Handle, head: number, running: number) {
    this.runtime = runtime
    this.id = of.id
    this.agent = of.agent
    this.epoch = of.epoch
    this.head = head
    this.running = running
  }
}
