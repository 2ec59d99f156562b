import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { RuntimeManager } from "@agent-runtime/core"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Latch, Layer, Scope } from "effect"
import { HttpRouter } from "effect/http"
import { ServerLimits } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "../src/NodeAgentApiServer.ts"

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
})

describe("NodeAgentApiServer", () => {
  it.live("answers a request that comes before its routes are made", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const request = async () => {
        const socket = connect(port, "127.0.0.1").setEncoding("utf8")
        let answer = ""
        socket.on("data", (text: string) => (answer += text))
        // "100 Continue" is sent when the server has taken the request.
        socket.write("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n")
        while (!answer.includes("100 Continue")) await once(socket, "data")
        return { whole: once(socket, "close").then(() => answer) }
      }
      let answer: Promise<string> | undefined
      const routes = Layer.effectDiscard(
        Effect.promise(async () => {
          answer = (await request()).whole
        })
      )
      const server = NodeAgentApiServer.layer({ port, routes }).pipe(Layer.provide(RuntimeManager.layer))
      yield* Layer.build(server)
      assert.match(yield* Effect.promise(() => answer!), /HTTP\/1\.1 200 OK[^]*"ok"/)
    }).pipe(Effect.scoped)
  )

  it.live("answers a request that comes on a connection which outlives its routes", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const began = Latch.makeUnsafe()
      const routes = HttpRouter.add("GET", "/slow", Effect.andThen(began.open, Effect.never))
      const server = NodeAgentApiServer.layer({ port, routes }).pipe(
        Layer.provide(RuntimeManager.layer),
        Layer.provide(ServerLimits.layer({ grace: Duration.millis(100) }))
      )
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(server, scope)
      const socket = connect(port, "127.0.0.1").setEncoding("utf8")
      const answers: Array<string> = []
      const nextAnswer = Effect.promise(async () => {
        for await (const text of socket.iterator({ destroyOnReturn: false })) {
          answers.push(String(text))
          if (String(text).startsWith("HTTP/1.1")) return
        }
      })
      socket.write("GET /slow HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
      yield* began.await
      yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* nextAnswer
      socket.write("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
      yield* nextAnswer
      assert.match(answers.at(-1)!, /^HTTP\/1\.1 503 [^]*connection: close[^]*"ShuttingDown"/i)
      yield* Effect.promise(() => once(socket, "close"))
    })
  )
})
