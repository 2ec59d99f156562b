import type { AgentEvent } from "@agent-runtime/schema"
import { Deque } from "./deque.ts"

export type Logged = AgentEvent.Processed | AgentEvent.Failed

/**
 * The last committed events of one runtime.
 *
 * Invariant: sequences are consecutive; the oldest kept is `oldest`, the newest `oldest + length - 1`.
 */
export class EventLog {
  private readonly events = new Deque<Logged>()
  private readonly retention: number
  /** The sequence of the oldest event kept, or of the next one if none is. */
  oldest: number

  constructor(retention: number, next: number) {
    this.retention = retention
    this.oldest = next
  }

  append(event: Logged): void {
    if (this.retention === 0) {
      this.oldest = event.sequence + 1
      return
    }
    if (this.events.length === this.retention) {
      this.events.shift()
      this.oldest++
    }
    if (this.events.length === 0) this.oldest = event.sequence
    this.events.push(event)
  }

  /** The event with a sequence, if it is kept. */
  get(sequence: number): Logged | undefined {
    return this.events.at(sequence - this.oldest)
  }
}
