import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { RuntimeManager } from "@agent-runtime/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
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
})
