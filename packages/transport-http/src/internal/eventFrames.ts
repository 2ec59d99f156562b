import type { Agent, AgentEvent } from "@agent-runtime/schema"
import { encoder, isoTime, jsonOf, stringify } from "./answer.ts"

type Event = AgentEvent.AgentEvent

const utf8 = new TextEncoder()

/** Events that go out as one buffer. */
export interface Burst {
  readonly filter: string
  readonly last: Event | undefined
  readonly length: number
  /** Whether it ended for its size, with more events to come. */
  readonly isFull: boolean
  readonly bytes: Uint8Array
}

const nothing: Burst = { filter: "", last: undefined, length: 0, isFull: false, bytes: new Uint8Array(0) }

/** Characters after which a burst ends: a reader that has fallen behind is not given all at once, for it may not read it. */
const burstLength = 262_144

/**
 * The events of one agent as they go over the wire. Each event is encoded once however many read it, and a burst that
 * many readers get alike is one buffer for all of them.
 */
export class EventFrames {
  private readonly payloads = new Map<string, (value: unknown) => unknown>()
  private readonly replies = new Map<string, (value: unknown) => unknown>()
  private readonly emitted: (value: unknown) => unknown
  private readonly frames = new WeakMap<Event, string>()
  private readonly bursts = new WeakMap<Event, Array<Burst>>()

  constructor(agent: Agent.Any) {
    for (const type of agent.activities) {
      this.payloads.set(type.name, encoder(type.payload))
      this.replies.set(type.name, encoder(type.success))
    }
    this.emitted = encoder(agent.emits)
  }

  /** The first burst of these events from `start` on, for the readers with one filter. */
  burst(events: ReadonlyArray<Event>, start: number, epoch: number, filter: string): Burst {
    const first = events[start]
    if (first === undefined) return nothing
    const left = events.length - start
    const known = this.bursts.get(first)
    // From one runtime, with one filter: what begins and ends alike and is as long is the same.
    const same = known?.find(
      (burst) =>
        burst.filter === filter &&
        (burst.isFull ? burst.length <= left : burst.length === left) &&
        burst.last === events[start + burst.length - 1]
    )
    if (same !== undefined) return same
    const burst = this.encode(events, start, epoch, filter)
    if (known === undefined) this.bursts.set(first, [burst])
    else if (known.push(burst) > 8) known.shift()
    return burst
  }

  /** The payload of an activity in JSON. */
  payload(type: string, payload: unknown): unknown {
    return (this.payloads.get(type) ?? jsonOf)(payload)
  }

  private encode(events: ReadonlyArray<Event>, start: number, epoch: number, filter: string): Burst {
    let text = ""
    let end = start
    let last: Event | undefined
    while (end < events.length && text.length < burstLength) {
      last = events[end++]
      if (last !== undefined) text += this.frame(last, epoch)
    }
    const isFull = text.length >= burstLength
    return { filter, last, length: end - start, isFull, bytes: utf8.encode(text) }
  }

  private frame(event: Event, epoch: number): string {
    let text = this.frames.get(event)
    if (text === undefined) {
      const id = idOf(event)
      const data = stringify(this.data(event))
      text = `${id === undefined ? "" : `id: ${epoch}-${id}\n`}event: ${event._tag}\ndata: ${data}\n\n`
      this.frames.set(event, text)
    }
    return text
  }

  private data(event: Event): unknown {
    switch (event._tag) {
      case "Processed": {
        const { _tag, at, payload, reply, ...rest } = event
        const encoded = {
          ...rest,
          payload: this.payload(event.type, payload),
          at: isoTime(at)
        }
        return reply === undefined ? encoded : { ...encoded, reply: (this.replies.get(event.type) ?? jsonOf)(reply) }
      }
      case "Failed": {
        const { _tag, at, payload, ...rest } = event
        return { ...rest, payload: this.payload(event.type, payload), at: isoTime(at) }
      }
      case "Emitted": {
        const { _tag, at, value, ...rest } = event
        return { ...rest, value: this.emitted(value), at: isoTime(at) }
      }
      case "Gap":
        return { missed: event.missed, from: event.from, to: event.to }
      case "End":
        return { reason: event.reason }
    }
  }
}

/** The sequence up to which a reader has everything once it has this event. */
export const idOf = (event: Event): number | undefined =>
  event._tag === "Gap" ? event.to : "sequence" in event ? event.sequence : undefined

const frames = new WeakMap<Agent.Any, EventFrames>()

export const framesOf = (agent: Agent.Any): EventFrames => {
  let known = frames.get(agent)
  if (known === undefined) {
    known = new EventFrames(agent)
    frames.set(agent, known)
  }
  return known
}
