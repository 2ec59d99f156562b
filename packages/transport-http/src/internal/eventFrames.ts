import type { ActivityType, Agent, AgentEvent } from "@agent-runtime/schema"
import { Option, Schema } from "effect"
import { isoTime } from "./answer.ts"

type Event = AgentEvent.AgentEvent

const utf8 = new TextEncoder()

/** A value in JSON by its schema; what does not fit it, which core has ruled out, is left to `JSON.stringify`. */
const encoder = (schema: ActivityType.PureCodec): ((value: unknown) => unknown) => {
  if (schema.ast._tag === "Void") return () => null
  const encode = Schema.encodeUnknownOption(Schema.toCodecJson(schema))
  return (value) => Option.getOrElse(encode(value), () => value)
}

const asIs = (value: unknown): unknown => value ?? null

interface Burst {
  readonly filter: string
  readonly last: Event
  readonly length: number
  readonly bytes: Uint8Array
}

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

  /** The bytes of a burst for the readers with one filter. */
  encode(events: ReadonlyArray<Event>, epoch: number, filter: string): Uint8Array {
    const first = events[0]
    const last = events[events.length - 1]
    if (first === undefined || last === undefined) return new Uint8Array(0)
    const known = this.bursts.get(first)
    // From one runtime, with one filter: what begins and ends alike and is as long is the same.
    const same = known?.find(
      (burst) => burst.last === last && burst.length === events.length && burst.filter === filter
    )
    if (same !== undefined) return same.bytes
    let text = ""
    for (const event of events) text += this.frame(event, epoch)
    const burst = { filter, last, length: events.length, bytes: utf8.encode(text) }
    if (known === undefined) this.bursts.set(first, [burst])
    else if (known.push(burst) > 8) known.shift()
    return burst.bytes
  }

  private frame(event: Event, epoch: number): string {
    let text = this.frames.get(event)
    if (text === undefined) {
      const id = idOf(event)
      const data = JSON.stringify(this.data(event))
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
          payload: (this.payloads.get(event.type) ?? asIs)(payload),
          at: isoTime(at)
        }
        return reply === undefined ? encoded : { ...encoded, reply: (this.replies.get(event.type) ?? asIs)(reply) }
      }
      case "Failed": {
        const { _tag, at, payload, ...rest } = event
        return { ...rest, payload: (this.payloads.get(event.type) ?? asIs)(payload), at: isoTime(at) }
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
