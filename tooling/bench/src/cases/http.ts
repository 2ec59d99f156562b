/** The HTTP API on a real socket, server and client each in a process of its own. */
import type { Case, Contender } from "../Case.ts"
import { makeLoad, openReaders, postRequest, withServer } from "../http/Client.ts"
import { body, eventsPath, path } from "../http/Note.ts"
import type { ServerName } from "../http/Servers.ts"
import { throughput } from "../Measure.ts"

const connections = 50

/** Requests that a server is given before it is measured: until then much of the time goes into compiling it. */
const warmUp = 10_000

/** Requests per second, each connection sending its next request when it has the answer to the last. */
const sending =
  (name: ServerName): Contender =>
  () =>
    withServer(name, async ({ port }) => {
      const load = await makeLoad(port, connections, postRequest(path, body))
      await load.run(warmUp)
      return throughput(500, () => load.run(500))
    })

const send: Case = {
  name: "http/send",
  measures:
    "POSTs of some 300 bytes over 50 connections kept alive, each answered by a receipt. Every server parses and validates the body; only " +
    "ours has a runtime behind it, which processes what it has accepted.",
  unit: "ops/s",
  ours: sending("agent-runtime"),
  peers: {
    HttpApi: sending("HttpApi"),
    "node:http": sending("node:http"),
    "Effect in node:http": sending("Effect in node:http"),
    Fastify: sending("fastify"),
    Hono: sending("hono")
  },
  targets: [{ peer: "HttpApi", ratio: 0.9 }]
}

const lines = 1000

const sendMany: Case = {
  name: "http/send-many",
  measures: "Activities per second where each request holds 1000 as NDJSON, over 4 connections, each line answered.",
  unit: "ops/s",
  ours: () =>
    withServer("agent-runtime", async ({ port }) => {
      const request = postRequest(path, `${body}\n`.repeat(lines), "application/x-ndjson")
      const load = await makeLoad(port, 4, request)
      return throughput(4 * lines, () => load.run(4))
    }),
  peers: { "http/send": sending("agent-runtime") },
  targets: [{ peer: "http/send", ratio: 10 }]
}

const burst = 100
const readers = 100

/** Events per second that reach all readers together. */
const broadcasting =
  (name: ServerName): Contender =>
  () =>
    withServer(name, async (server) => {
      const all = await openReaders(server.port, eventsPath, readers)
      return throughput(burst * readers, () => all.burst(() => server.burst(burst)))
    })

const fanOut: Case = {
  name: "http/fan-out",
  measures: "Deliveries of one runtime's events to 100 readers of its event stream, in bursts of 100.",
  unit: "ops/s",
  ours: broadcasting("agent-runtime"),
  peers: {
    "node:http": broadcasting("node:http"),
    "a Stream for each reader": broadcasting("a Stream for each reader"),
    "Hono streamSSE": broadcasting("hono"),
    "limit: node:http, one buffer a burst": broadcasting("node:http, one buffer a burst")
  },
  targets: [
    { peer: "node:http", ratio: 1 },
    { peer: "a Stream for each reader", ratio: 1.5 },
    { peer: "Hono streamSSE", ratio: 5 }
  ]
}

const measuredReaders = 500

/** Bytes of heap and buffers that each open event stream costs the server. */
const perReader =
  (name: ServerName): Contender =>
  () =>
    withServer(name, async (server) => {
      // The first readers pay for compiled code.
      await openReaders(server.port, eventsPath, 50)
      const before = await server.memory()
      await openReaders(server.port, eventsPath, measuredReaders)
      return ((await server.memory()) - before) / measuredReaders
    })

const subscriberMemory: Case = {
  name: "http/subscriber-memory",
  measures:
    "Heap and buffers that one open, idle event stream costs the server; not what the kernel keeps for its socket.",
  unit: "bytes",
  ours: perReader("agent-runtime"),
  peers: {
    "50 KB": 50 * 1024,
    "node:http": perReader("node:http"),
    "a Stream for each reader": perReader("a Stream for each reader")
  },
  targets: [{ peer: "50 KB", ratio: 1 }]
}

export const cases: ReadonlyArray<Case> = [send, sendMany, fanOut, subscriberMemory]
