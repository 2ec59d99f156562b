/**
 * What a runtime has told, newest last: the latest of it, for a page that stays open for days.
 */
import type { AgentEvent } from "@agent-runtime/schema"
import { type ReadonlySignal, signal } from "@preact/signals"

/** What one attempt of an activity has emitted, in one entry: there may be thousands, of which the last are kept. */
export interface Emissions {
  readonly _tag: "Emissions"
  readonly first: AgentEvent.Emitted
  readonly last: AgentEvent.Emitted
  readonly count: number
  readonly values: ReadonlyArray<unknown>
}

const keptValues = 50

export type Entry = (AgentEvent.Processed | AgentEvent.Failed | AgentEvent.Gap | AgentEvent.End | Emissions) & {
  readonly key: number
}

export class EventLog {
  private readonly capacity: number
  private readonly current = signal<ReadonlyArray<Entry>>([])
  private keys = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get entries(): ReadonlySignal<ReadonlyArray<Entry>> {
    return this.current
  }

  add(events: ReadonlyArray<AgentEvent.AgentEvent>): void {
    const entries = [...this.current.peek()]
    for (const event of events) {
      if (event._tag === "Emitted") this.addEmitted(entries, event)
      else entries.push({ ...event, key: this.keys++ })
    }
    this.current.value = entries.slice(-this.capacity)
  }

  private addEmitted(entries: Array<Entry>, event: AgentEvent.Emitted): void {
    const at = entries.findLastIndex(
      (entry) =>
        entry._tag === "Emissions" &&
        entry.first.activityId === event.activityId &&
        entry.first.attempt === event.attempt
    )
    const entry = entries[at]
    if (entry?._tag === "Emissions") {
      const values = [...entry.values.slice(1 - keptValues), event.value]
      entries[at] = { ...entry, last: event, count: entry.count + 1, values }
    } else {
      entries.push({ _tag: "Emissions", first: event, last: event, count: 1, values: [event.value], key: this.keys++ })
    }
  }
}
