/** Curves: what one activity costs as something grows. Each point is a case, and its peer is what a user writes by hand. */
import type { Case, Contender } from "../Case.ts"
import { counted } from "../Counters.ts"
import { throughput } from "../Measure.ts"
import type { MakeBroadcast } from "../peers/Broadcast.ts"

const local = () => import("../own/Runtimes.ts").then(({ localRuntimes }) => localRuntimes)
const loop = () => import("../peers/Loop.ts").then(({ loop }) => loop)

const backlog = (waiting: number): Case => ({
  name: `growth/backlog-${waiting}`,
  measures: `Activities per second of one runtime that is sent ${waiting} at a time.`,
  unit: "ops/s",
  ours: counted(1, waiting, local),
  peers: { loop: counted(1, waiting, loop) },
  targets: []
})

const runtimes = (count: number): Case => ({
  name: `growth/runtimes-${count}`,
  measures: `Activities per second of ${count} runtimes that are sent one each at a time.`,
  unit: "ops/s",
  ours: counted(count, 1, local),
  peers: { loop: counted(count, 1, loop) },
  targets: []
})

const burst = Array.from({ length: 100 }, (_, sequence) => ({ sequence }))

const publishing =
  (subscribers: number, load: () => Promise<MakeBroadcast>): Contender =>
  async () => {
    const make = await load()
    const deliveries = burst.length * Math.max(1, subscribers)
    let left = 0
    let done = () => {}
    const publish = await make(subscribers, (events) => {
      left -= events
      if (left === 0) done()
    })
    return throughput(burst.length, () => {
      left = deliveries
      const settled = new Promise<void>((resolve) => (done = resolve))
      publish(burst)
      return settled
    })
  }

const subscribers = (count: number): Case => ({
  name: `growth/subscribers-${count}`,
  measures:
    `Activities per second of one runtime, 100 at a time, until all of its ${count} subscribers have them; the peer only publishes, ` +
    "to a list of Queues.",
  unit: "ops/s",
  ours: publishing(count, () => import("../own/Runtimes.ts").then(({ published }) => published)),
  peers:
    count === 0
      ? {}
      : { "a list of Queues": publishing(count, () => import("../peers/Broadcast.ts").then(({ queues }) => queues)) },
  targets: []
})

const payload = (bytes: number): Case => {
  const activity = { by: 1, text: "x".repeat(bytes) }
  return {
    name: `growth/payload-${bytes}`,
    measures: `Activities per second of one runtime, 100 at a time, with a payload of some ${bytes} bytes.`,
    unit: "ops/s",
    ours: counted(1, 100, local, activity),
    peers: { loop: counted(1, 100, loop, activity) },
    targets: []
  }
}

export const cases: ReadonlyArray<Case> = [
  ...[10, 100, 1000, 10_000, 100_000, 1_000_000].map(backlog),
  ...[1, 10, 100, 1000, 10_000, 100_000].map(runtimes),
  ...[0, 1, 10, 100, 1000, 10_000].map(subscribers),
  ...[100, 1000, 10_000, 100_000, 1_000_000].map(payload)
]
