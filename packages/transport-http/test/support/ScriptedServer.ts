import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A server that answers each event stream by the next of its scripts; the last goes on for ever. */
export interface ScriptedServer {
  readonly url: string
  /** `Last-Event-ID` of each request so far. */
  readonly cursors: ReadonlyArray<string | undefined>
  readonly close: () => Promise<void>
}

export const startScripted = async (
  ...scripts: ReadonlyArray<(response: ServerResponse) => void>
): Promise<ScriptedServer> => {
  const cursors: Array<string | undefined> = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const script = scripts[Math.min(cursors.length, scripts.length - 1)]
    cursors.push(request.headers["last-event-id"]?.toString())
    response.setHeader("content-type", "text/event-stream")
    script?.(response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cursors,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
