/** A bare `HttpApi`: the same endpoint with the same schema and nothing behind it, and a `Stream` for each reader. */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, PubSub, Schema, Stream } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import {
  eventsPath,
  eventStreamHeaders,
  frame,
  noteEvents,
  Receipt,
  receipt,
  SendNote,
  type NoteEvent
} from "./Note.ts"
import { portOf, type BenchServer, type StartServer } from "./Server.ts"

class Activities extends HttpApiGroup.make("activities").add(
  HttpApiEndpoint.post("send", "/v1/runtimes/:id/activities", {
    params: { id: Schema.String },
    payload: SendNote,
    success: Receipt.pipe(HttpApiSchema.status(202))
  })
) {}

class Api extends HttpApi.make("api").add(Activities) {}

const ActivitiesLayer = HttpApiBuilder.group(Api, "activities", (handlers) =>
  handlers.handle("send", ({ payload }) => Effect.sync(() => receipt(payload)))
)

type NodeServices = Layer.Success<ReturnType<typeof NodeHttpServer.layer>>

const listen = async (
  routes: Layer.Layer<never, never, HttpRouter.HttpRouter | NodeServices>,
  burst: (events: number) => void
): Promise<BenchServer> => {
  const server = createServer()
  const layer = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
  )
  await ManagedRuntime.make(layer).context()
  return { port: portOf(server.address()), burst }
}

export const httpApi: StartServer = () =>
  listen(HttpApiBuilder.layer(Api).pipe(Layer.provide(ActivitiesLayer)), () => {})

/** A `Stream` from a `PubSub` for each reader, who encodes every event for itself. */
export const streams: StartServer = async () => {
  const hub = Effect.runSync(PubSub.unbounded<NoteEvent>())
  let sequence = 0
  const events = Stream.fromPubSub(hub).pipe(Stream.map(frame), Stream.prepend([": connected\n\n"]), Stream.encodeText)
  const route = HttpRouter.add("GET", eventsPath, HttpServerResponse.stream(events, { headers: eventStreamHeaders }))
  return listen(route, (events) => {
    Effect.runSync(PubSub.publishAll(hub, noteEvents(events, sequence)))
    sequence += events
  })
}
