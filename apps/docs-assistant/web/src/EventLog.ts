/**
 * What a runtime has told, newest last: the latest of it, for a page that stays open for days.
 */
import type { Agent, AgentEvent } from "@agent-runtime/schema"
import { type ReadonlySignal, signal } from "@preact/signals"

type Event<A extends Agent.Any> = AgentEvent.AgentEvent<A>
type Emitted<A extends Agent.Any> = Extract<Event<A>, { readonly _tag: "Emitted" }>

/** Everything that one attempt of an activity has emitted, in one entry: there may be thousands. */
export interface Emissions<A extends Agent.Any> {
  readonly _tag: "Emissions"
  readonly first: Emitted<A>
  readonly last: Emitted<A>
  readonly values: ReadonlyArray<Emitted<A>["value"]>
}

export type Entry<A extends Agent.Any = Agent.Any> = (Exclude<Event<A>, Emitted<A>> | Emissions<A>) & {
  readonly key: number
}

const isEmitted = <A extends Agent.Any>(event: Event<A>): event is Emitted<A> => event._tag === "Emitted"

export class EventLog<A extends Agent.Any> {
  private readonly capacity: number
  private readonly current = signal<ReadonlyArray<Entry<A>>>([])
  private keys = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get entries(): ReadonlySignal<ReadonlyArray<Entry<A>>> {
    return this.current
  }

  add(events: ReadonlyArray<Event<A>>): void {
    const entries = [...this.current.peek()]
    for (const event of events) {
      if (isEmitted(event)) this.addEmitted(entries, event)
      else entries.push({ ...(event as Exclude<Event<A>, Emitted<A>>), key: this.keys++ })
    }
    this.current.value = entries.slice(-this.capacity)
  }

  private addEmitted(entries: Array<Entry<A>>, event: Emitted<A>): void {
    const at = entries.findLastIndex(
      (entry) =>
        entry._tag === "Emissions" &&
        entry.first.activityId === event.activityId &&
        entry.first.attempt === event.attempt
    )
    const entry = entries[at]
    if (entry?._tag === "Emissions") {
      entries[at] = { ...entry, last: event, values: [...entry.values, event.value] }
    } else {
      entries.push({ _tag: "Emissions", first: event, last: event, values: [event.value], key: this.keys++ })
    }
  }
}
