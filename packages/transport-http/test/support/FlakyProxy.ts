import { connect, createServer, type AddressInfo, type Socket } from "node:net"

/** A TCP proxy whose connections can be broken at any byte. */
export interface FlakyProxy {
  readonly url: string
  readonly port: number
  /** Breaks every open connection, as a cable that is pulled out. */
  readonly cut: () => void
  /** Breaks the next connections after so many bytes each. */
  readonly cutAfter: (bytes: () => number) => void
  readonly cuts: () => number
  /** Every client is gone, and the server is not told: its connections stay open, and nobody reads them. */
  readonly vanish: () => void
  readonly close: () => Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
  hasVanished: boolean
}

export const startProxy = async (port: number): Promise<FlakyProxy> => {
  const open = new Set<Pair>()
  let limit: (() => number) | undefined
  let cuts = 0
  const server = createServer((client) => {
    const pair: Pair = { client, upstream: connect(port, "127.0.0.1"), hasVanished: false }
    const { upstream } = pair
    let left = limit?.() ?? Number.POSITIVE_INFINITY
    const end = () => {
      if (pair.hasVanished) return
      client.destroy()
      upstream.destroy()
      open.delete(pair)
    }
    open.add(pair)
    client.pipe(upstream)
    upstream.on("data", (chunk) => {
      const part = chunk.subarray(0, Math.max(0, left))
      left -= chunk.length
      if (left > 0) {
        client.write(part)
        return
      }
      cuts++
      client.write(part, end)
    })
    for (const socket of [client, upstream]) {
      socket.on("error", end)
      socket.on("close", end)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    cut: () => {
      for (const { client } of open) {
        cuts++
        client.destroy()
      }
    },
    cutAfter: (bytes) => {
      limit = bytes
    },
    cuts: () => cuts,
    vanish: () => {
      for (const pair of open) {
        pair.hasVanished = true
        pair.client.unpipe(pair.upstream)
        pair.upstream.pause()
        pair.client.destroy()
      }
    },
    close: () =>
      new Promise((resolve) => {
        for (const { client, upstream } of open) {
          client.destroy()
          upstream.destroy()
        }
        server.close(() => resolve())
      })
  }
}
