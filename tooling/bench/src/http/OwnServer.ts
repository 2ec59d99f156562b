/** Our server, with an agent whose workflow only counts. */
import { RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { HttpServer } from "effect/http"
import type { StartServer } from "./Server.ts"

const Note = ActivityType.make("Note", {
  payload: { text: Schema.String, author: Schema.optionalKey(Schema.String) }
})

const Notes = Agent.make("Notes", { state: Schema.Int, initialState: 0, activities: [Note] })

const NotesLayer = Workflow.layer(Notes, { Note: (_, count) => Effect.succeed(count + 1) })

export const agentRuntime: StartServer = async () => {
  const runtime = ManagedRuntime.make(
    NodeAgentApiServer.layer({ port: 0 }).pipe(
      Layer.provideMerge(NotesLayer),
      Layer.provideMerge(RuntimeManager.layer),
      // Room for what thousands of lines in one request bring.
      Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 100_000 }))
    )
  )
  return runtime.runPromise(
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const notes = yield* manager.create(Notes, { id: "notes" })
      const { address } = yield* HttpServer.HttpServer
      if (address._tag === "UnixPathAddress") return yield* Effect.die("the server listens on TCP")
      return {
        port: address.port,
        burst: (events) => {
          const sendAll = Effect.forEach(
            Array.from({ length: events }, (_, i) => (i === events - 1 ? "burst-end" : "burst-mid")),
            (text) => notes.send(Note.make({ text })),
            { discard: true }
          )
          runtime.runFork(sendAll)
        }
      }
    })
  )
}
