/** The request of some 300 bytes that every server of the HTTP cases takes, and the receipt that it answers. */
import { randomUUID } from "node:crypto"
import { Schema } from "effect"

export const SendNote = Schema.Struct({
  type: Schema.Literal("Note"),
  payload: Schema.Struct({ text: Schema.String, author: Schema.String }),
  correlationId: Schema.optionalKey(Schema.String)
})

export type SendNote = typeof SendNote.Type

export const Receipt = Schema.Struct({
  activityId: Schema.String,
  runtimeId: Schema.String,
  epoch: Schema.Int,
  type: Schema.String,
  priority: Schema.String,
  status: Schema.String,
  attempts: Schema.Int,
  acceptedAt: Schema.String
})

export type Receipt = typeof Receipt.Type

export const body = JSON.stringify({
  type: "Note",
  payload: { text: "All work and no play makes Jack a dull boy. ".repeat(4).trim(), author: "jack@example.com" },
  correlationId: "3d6f1c1e-5a3c-4d53-9f0e-7d3f0a8d2f4e"
} satisfies SendNote)

export const path = "/v1/runtimes/notes/activities"

export const receipt = ({ type }: SendNote): Receipt => ({
  activityId: randomUUID(),
  runtimeId: "notes",
  epoch: 1,
  type,
  priority: "standard",
  status: "accepted",
  attempts: 0,
  acceptedAt: new Date().toISOString()
})

/** The path of the event stream. */
export const eventsPath = "/v1/runtimes/notes/events"

export interface NoteEvent {
  readonly sequence: number
  readonly epoch: number
  readonly activityId: string
  readonly type: string
  readonly priority: string
  readonly payload: { readonly text: string }
  readonly attempts: number
  readonly at: string
}

/** A burst of events as the HTTP API frames them; the last says `burst-end`. */
export const noteEvents = (count: number, first: number): ReadonlyArray<NoteEvent> =>
  Array.from({ length: count }, (_, i) => ({
    sequence: first + i,
    epoch: 1,
    activityId: `activity-${first + i}`,
    type: "Note",
    priority: "standard",
    payload: { text: i === count - 1 ? "burst-end" : "burst-mid" },
    attempts: 1,
    at: "2026-01-01T00:00:00.000Z"
  }))

export const frame = (event: NoteEvent): string =>
  `id: ${event.epoch}-${event.sequence}\nevent: Processed\ndata: ${JSON.stringify(event)}\n\n`

export const eventStreamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no"
}
