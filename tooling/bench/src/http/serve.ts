/** One server in a process of its own, told by its parent what to do: `node serve.ts NAME`. */
import * as Heap from "../Heap.ts"
import { isServerName, servers } from "./Servers.ts"

/** What the parent asks, and is answered. */
export type Request =
  | { readonly _tag: "Burst"; readonly events: number }
  /** Bytes of heap and buffers after a collection. */
  | { readonly _tag: "Memory" }

export type Answer =
  | { readonly _tag: "Listening"; readonly port: number }
  | { readonly _tag: "Memory"; readonly bytes: number }

const [name = ""] = process.argv.slice(2)
if (!isServerName(name)) throw new Error(`there is no server "${name}"`)
// Where memory is measured, it can be collected.
if (globalThis.gc === undefined) Heap.warm()
const server = await (await servers[name]())()

const answer = (value: Answer): void => void process.send!(value)

process.on("message", (request: Request) => {
  if (request._tag === "Burst") return server.burst(request.events)
  globalThis.gc?.()
  setImmediate(() => {
    globalThis.gc?.()
    const { external, heapUsed } = process.memoryUsage()
    answer({ _tag: "Memory", bytes: heapUsed + external })
  })
})
process.on("disconnect", () => process.exit(0))
answer({ _tag: "Listening", port: server.port })
