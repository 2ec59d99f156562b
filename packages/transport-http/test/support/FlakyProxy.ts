import { connect, createServer, type AddressInfo, type Socket } from "node:net"

/** A TCP proxy whose connections can be broken at any byte. */
export interface FlakyProxy {
  readonly url: string
  /** Breaks every open connection, as a cable that is pulled out. */
  readonly cut: () => void
  /** Breaks the next connections after so many bytes each. */
  readonly cutAfter: (bytes: () => number) => void
  readonly cuts: () => number
  readonly close: () => Promise<void>
}

export const startProxy = async (port: number): Promise<FlakyProxy> => {
  const open = new Set<Socket>()
  let limit: (() => number) | undefined
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1")
    let left = limit?.() ?? Number.POSITIVE_INFINITY
    const end = () => {
      client.destroy()
      upstream.destroy()
      open.delete(client)
    }
    open.add(client)
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
    client.on("error", end)
    upstream.on("error", end)
    client.on("close", end)
    upstream.on("close", end)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      for (const socket of open) {
        cuts++
        socket.destroy()
      }
    },
    cutAfter: (bytes) => {
      limit = bytes
    },
    cuts: () => cuts,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      })
  }
}
