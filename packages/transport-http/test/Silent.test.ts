// A server that takes connections and never answers: nobody waits for it for ever.
import { AgentApiClient } from "@agent-runtime/transport-http"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Account, Deposit } from "./support/Agents.ts"

const silentServer = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => {}))
    })
    const close = () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const uses: Readonly<
  Record<string, (account: AgentApiClient.RemoteRuntime<typeof Account>) => Effect.Effect<unknown, unknown>>
> = {
  "a look": (account) => account.info,
  "a send": (account) => account.send(Deposit.make({ amount: 1 })),
  "an ask": (account) => account.ask(Deposit.make({ amount: 1 })),
  "a subscription": (account) => Stream.runDrain(account.subscribe()),
  "a reader of changes": (account) => Stream.runDrain(account.changes)
}

for (const [name, use] of Object.entries(uses)) {
  it.effect(`${name} does not wait for ever for a server that never answers`, () =>
    Effect.gen(function* () {
      const { url } = yield* silentServer
      const client = yield* Layer.build(AgentApiClient.layer({ baseUrl: url }))
      const account = Context.get(client, AgentApiClient.AgentApiClient).runtime(Account, "a")
      const failing = yield* Effect.forkChild(Effect.flip(use(account)), { startImmediately: true })
      while (failing.pollUnsafe() === undefined) {
        yield* TestClock.adjust("45 seconds")
        // Real connections take real turns.
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.deepInclude(yield* Fiber.join(failing), { _tag: "ApiUnavailable" })
    })
  )
}
