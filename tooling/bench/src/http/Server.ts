import type { AddressInfo } from "node:net"

/** What a server of the HTTP cases offers to the process that measures it. */
export interface BenchServer {
  readonly port: number
  /** Broadcasts that many events at once, the last of which says `burst-end`. */
  readonly burst: (events: number) => void
}

/** The port of a listening server. */
export const portOf = (address: AddressInfo | string | null): number => {
  if (address === null || typeof address === "string") throw new Error("the server listens on TCP")
  return address.port
}

export type StartServer = () => Promise<BenchServer>
