/**
 * What a runtime has told, newest last: the latest of it, for a page that stays open for days, and what was asked for before that.
 */
import type { AgentEvent } from "@agent-runtime/schema"
import { computed, type ReadonlySignal, signal } from "@preact/signals"
import { endBefore, type Kept } from "./Past.ts"

/** What one attempt of an activity has emitted, in one entry: there may be thousands, of which the last are kept. */
export interface Emissions {
  readonly _tag: "Emissions"
  readonly first: AgentEvent.Emitted
  readonly last: AgentEvent.Emitted
  readonly count: number
  readonly values: ReadonlyArray<unknown>
}

const keptValues = 50

export type Entry = (Kept | AgentEvent.End | Emissions) & { readonly key: number }

const isKept = (entry: Entry): entry is Kept & { readonly key: number } =>
  entry._tag !== "Emissions" && entry._tag !== "End"

export class EventLog {
  private capacity: number
  private readonly current = signal<ReadonlyArray<Entry>>([])
  private keys = 0

  /** The last sequence of what is not here, 0 where everything is. */
  readonly missing: ReadonlySignal<number>

  /** Keeps this many entries of what is told after the event with the sequence `start`. */
  constructor(capacity: number, start = 0) {
    this.capacity = capacity
    this.missing = computed(() => {
      const first = this.current.value.find(isKept)
      return first === undefined ? start : endBefore(first)
    })
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

  /** Adds the page before the first entry. */
  addEarlier(events: ReadonlyArray<Kept>): void {
    this.capacity += events.length
    this.current.value = [...events.map((event) => ({ ...event, key: this.keys++ })), ...this.current.peek()]
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
