import { RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
import * as RuntimeTest from "@agent-runtime/core/RuntimeTest"
import { HttpRuntimeManager } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"

const server = NodeAgentApiServer.layer({ port: 0 }).pipe(
  Layer.provide(
    RuntimeTest.layer.pipe(
      Layer.provideMerge(RuntimeManager.layer),
      Layer.provide(RuntimeConfig.layer(RuntimeTest.limits))
    )
  )
)

const remote = Layer.unwrap(
  Effect.map(HttpServer.HttpServer, ({ address }) =>
    HttpRuntimeManager.layer({ baseUrl: HttpServer.formatAddress(address), agents: [RuntimeTest.Probe] })
  )
).pipe(Layer.provide(server))

/**
 * The server runs in this process, so cases that hold workflows up at gates run too. These three count on what arrives at
 * once in process, and on receipts that outlive their runtime because someone holds them.
 */
const inReachOnly = new Set([
  "drain processes what is queued, cancels what is delayed and takes nothing new",
  "with disconnect a slow subscriber is cut off",
  "the info counts what each subscriber got, refused, lost and has waiting"
])

describe("HttpRuntimeManager.layer", () => {
  for (const { rule, run, title } of RuntimeTest.conformance) {
    if (!inReachOnly.has(title)) it.live(`${rule} ${title}`, () => Effect.provide(run, remote))
  }
})
