/** `node:http` alone, with and without an Effect in its handler. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import { Effect, Schema } from "effect"
import { eventsPath, eventStreamHeaders, frame, noteEvents, path, receipt, SendNote } from "./Note.ts"
import { portOf, type BenchServer, type StartServer } from "./Server.ts"

const decode = Schema.decodeUnknownSync(SendNote)

const listen = (listener: RequestListener, burst: (events: number) => void): Promise<BenchServer> => {
  const server = createServer(listener)
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({ port: portOf(server.address()), burst })
    })
  })
}

const readText = (request: IncomingMessage, use: (text: string) => void): void => {
  let text = ""
  request.setEncoding("utf8")
  request.on("data", (chunk: string) => (text += chunk))
  request.on("end", () => use(text))
}

const answer = (response: ServerResponse, status: number, value: unknown): void => {
  const text = JSON.stringify(value)
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
  response.end(text)
}

const fail = (response: ServerResponse): void => answer(response, 400, { _tag: "RequestInvalid" })

/** Writes each event to each client as it comes. */
export const nodeHttp: StartServer = () => {
  const clients = new Set<ServerResponse>()
  let sequence = 0
  return listen(
    (request, response) => {
      if (request.method === "POST" && request.url === path) {
        readText(request, (text) => {
          try {
            answer(response, 202, receipt(decode(JSON.parse(text))))
          } catch {
            fail(response)
          }
        })
      } else if (request.url === eventsPath) {
        response.writeHead(200, eventStreamHeaders)
        response.flushHeaders()
        clients.add(response)
        response.on("close", () => clients.delete(response))
      } else {
        answer(response, 404, { _tag: "NotFound" })
      }
    },
    (events) => {
      for (const event of noteEvents(events, sequence)) {
        const text = frame(event)
        for (const client of clients) client.write(text)
      }
      sequence += events
    }
  )
}

/** The ceiling for fan-out: one buffer a burst, written once to each client. */
export const nodeHttpShared: StartServer = () => {
  const clients = new Set<ServerResponse>()
  let sequence = 0
  return listen(
    (_, response) => {
      response.writeHead(200, eventStreamHeaders)
      response.flushHeaders()
      clients.add(response)
      response.on("close", () => clients.delete(response))
    },
    (events) => {
      const shared = Buffer.from(noteEvents(events, sequence).map(frame).join(""))
      for (const client of clients) client.write(shared)
      sequence += events
    }
  )
}

/** An Effect run for each request of `node:http`. */
export const nodeHttpEffect: StartServer = () => {
  const decodeEffect = Schema.decodeUnknownEffect(Schema.fromJsonString(SendNote))
  const handle = Effect.fnUntraced(function* (text: string) {
    return receipt(yield* decodeEffect(text))
  })
  return listen(
    (request, response) =>
      readText(request, (text) => {
        Effect.runFork(
          Effect.match(handle(text), {
            onSuccess: (value) => answer(response, 202, value),
            onFailure: () => fail(response)
          })
        )
      }),
    () => {}
  )
}
