import { Effect, type Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

/**
 * A wire to PostgreSQL that can be cut, or go silent, at the two moments at which the client cannot know what became of its commit:
 * `before` the commit has reached the server, or `after` the server has committed and before its answer arrives.
 */
export interface FaultyWire {
  readonly port: number
  /** Cuts the next commit, once. With `block` every connection is refused from that very moment on. */
  readonly cut: (moment: "before" | "after", options?: { readonly block: boolean }) => void
  /** From now on, or from the next answer to a commit on, nothing comes through and no connection is closed. */
  readonly silence: (from: "now" | "commit") => void
  /** What was held back comes through. */
  readonly speak: () => void
  /** Whether connections are refused. */
  readonly block: (blocked: boolean) => void
}

const holds = (data: Buffer, text: string) => data.includes(`${text}\0`)

export const make = (server: number): Effect.Effect<FaultyWire, never, Scope.Scope> =>
  Effect.gen(function* () {
    let moment: "before" | "after" | undefined
    let blocksWithCut = false
    let blocked = false
    const sockets = new Set<Socket>()
    let silentAtCommit = false
    let silent = false
    let heldBack: Array<() => void> = []
    const pass = (send: () => void) => (silent ? void heldBack.push(send) : send())
    const block = (on: boolean) => {
      blocked = on
      if (on) for (const socket of sockets) socket.destroy()
    }
    const wire = createServer((client) => {
      if (blocked) return client.destroy()
      const upstream = connect(server, "127.0.0.1")
      let committing = false
      const end = () => {
        client.destroy()
        upstream.destroy()
        sockets.delete(client)
      }
      const cut = () => {
        moment = undefined
        end()
        if (blocksWithCut) block(true)
      }
      sockets.add(client)
      for (const socket of [client, upstream]) {
        socket.on("error", end)
        socket.on("close", end)
      }
      client.on("data", (data) => {
        // The last statement of a transaction has been answered: what comes now is its commit.
        if (moment === "before" && committing) return cut()
        pass(() => upstream.write(data))
      })
      upstream.on("data", (data) => {
        committing = holds(data, "UPDATE 1")
        if (moment === "after" && holds(data, "COMMIT")) return cut()
        if (silentAtCommit && holds(data, "COMMIT")) {
          silentAtCommit = false
          silent = true
        }
        pass(() => client.write(data))
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void wire.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          wire.close()
        })
    )
    const address = wire.address()
    return {
      port: address !== null && typeof address === "object" ? address.port : 0,
      cut: (at, options) => {
        moment = at
        blocksWithCut = options?.block === true
      },
      silence: (from) => {
        if (from === "now") silent = true
        else silentAtCommit = true
      },
      speak: () => {
        silent = false
        const sends = heldBack
        heldBack = []
        for (const send of sends) send()
      },
      block
    }
  })
