/** Fastify and Hono, as their documentation shows them. */
import { serve } from "@hono/node-server"
import { Schema } from "effect"
import Fastify from "fastify"
import { Hono } from "hono"
import { streamSSE } from "hono/streaming"
import { eventsPath, noteEvents, path, receipt, SendNote, type NoteEvent } from "./Note.ts"
import { portOf, type StartServer } from "./Server.ts"

/** Fastify with its own JSON schemas for the body and the answer. */
export const fastify: StartServer = async () => {
  const app = Fastify()
  const text = { type: "string" }
  app.post<{ Body: SendNote }>(
    path,
    {
      schema: {
        body: {
          type: "object",
          required: ["type", "payload"],
          properties: {
            type: { const: "Note" },
            payload: { type: "object", required: ["text", "author"], properties: { text, author: text } },
            correlationId: text
          }
        },
        response: {
          202: {
            type: "object",
            properties: {
              activityId: text,
              runtimeId: text,
              epoch: { type: "integer" },
              type: text,
              priority: text,
              status: text,
              attempts: { type: "integer" },
              acceptedAt: text
            }
          }
        }
      }
    },
    async (request, reply) => reply.code(202).send(receipt(request.body))
  )
  await app.listen({ port: 0, host: "127.0.0.1" })
  return { port: portOf(app.server.address()), burst: () => {} }
}

/** Hono on its Node adapter; each reader of `streamSSE` has a queue of its own. */
export const hono: StartServer = () => {
  const decode = Schema.decodeUnknownSync(SendNote)
  const readers = new Set<(events: ReadonlyArray<NoteEvent>) => void>()
  const app = new Hono()
  app.post(path, async (context) => context.json(receipt(decode(await context.req.json())), 202))
  app.get(eventsPath, (context) =>
    streamSSE(context, async (stream) => {
      let queue: Array<NoteEvent> = []
      let wake = () => {}
      const reader = (events: ReadonlyArray<NoteEvent>) => {
        queue.push(...events)
        wake()
      }
      readers.add(reader)
      stream.onAbort(() => {
        readers.delete(reader)
        wake()
      })
      while (!stream.aborted) {
        if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const events = queue
        queue = []
        for (const event of events) {
          await stream.writeSSE({
            id: `${event.epoch}-${event.sequence}`,
            event: "Processed",
            data: JSON.stringify(event)
          })
        }
      }
    })
  )
  let sequence = 0
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => {
      resolve({
        port: portOf(server.address()),
        burst: (events) => {
          const burst = noteEvents(events, sequence)
          sequence += events
          for (const reader of readers) reader(burst)
        }
      })
    })
  })
}
