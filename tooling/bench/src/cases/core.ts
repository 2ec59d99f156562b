/** `@agent-runtime/core` in memory, against loops by hand, actors and entities. */
import type { Case, Contender } from "../Case.ts"
import { counted, makeCountdown } from "../Counters.ts"
import { heapPerItem, throughput } from "../Measure.ts"
import type { MakeBroadcast } from "../peers/Broadcast.ts"

const own = () => import("../own/Runtimes.ts")
const loops = () => import("../peers/Loop.ts")
const nact = () => import("../peers/Nact.ts")

const local = () => own().then(({ localRuntimes }) => localRuntimes)
const loop = () => loops().then(({ loop }) => loop)
const tunedLoop = () => loops().then(({ tunedLoop }) => tunedLoop)
const parkedLoop = () => loops().then(({ parkedLoop }) => parkedLoop)
const actors = () => nact().then(({ actors }) => actors)
const transitions = () => import("../peers/XState.ts").then(({ transitions }) => transitions)
const entities = () => import("../peers/Entity.ts").then(({ entities }) => entities)
const plain = () => import("../limits/PlainCounters.ts").then(({ plainCounters }) => plainCounters)

const handler =
  "The handler is a generator with one yield that answers the new state (`Effect.fnUntracedEager`, here and in the loops); nact and " +
  "XState take plain functions. Ours keeps no receipts and no events of what has ended, as the others keep none."

const backlog: Case = {
  name: "core/backlog",
  measures: `100,000 activities wait for one runtime and are processed. ${handler}`,
  unit: "ops/s",
  ours: counted(1, 100_000, local),
  peers: {
    loop: counted(1, 100_000, loop),
    "tuned loop": counted(1, 100_000, tunedLoop),
    nact: counted(1, 100_000, actors),
    "limit: functions over rings": counted(1, 100_000, plain)
  },
  targets: [
    { peer: "loop", ratio: 2.5 },
    { peer: "nact", ratio: 2 }
  ]
}

const backlogMany: Case = {
  name: "core/backlog-many",
  measures: `100 activities wait for each of 1000 runtimes and are processed. ${handler}`,
  unit: "ops/s",
  ours: counted(1000, 100, local),
  peers: {
    loop: counted(1000, 100, loop),
    "tuned loop": counted(1000, 100, tunedLoop),
    nact: counted(1000, 100, actors),
    "XState transitions": counted(1000, 100, transitions),
    "limit: functions over rings": counted(1000, 100, plain)
  },
  targets: [
    { peer: "loop", ratio: 2 },
    { peer: "nact", ratio: 1 }
  ]
}

const wake: Case = {
  name: "core/wake",
  measures: `Each of 1000 idle runtimes gets one activity; when all are processed, again. ${handler}`,
  unit: "ops/s",
  ours: counted(1000, 1, local),
  peers: {
    loop: counted(1000, 1, loop),
    "tuned loop": counted(1000, 1, tunedLoop),
    "tuned loop without Queue": counted(1000, 1, parkedLoop),
    nact: counted(1000, 1, actors),
    "cluster entity": counted(1000, 1, entities),
    "limit: functions over rings": counted(1000, 1, plain)
  },
  targets: [
    { peer: "loop", ratio: 4 },
    { peer: "tuned loop", ratio: 2.5 },
    { peer: "tuned loop without Queue", ratio: 2.5 },
    { peer: "nact", ratio: 0.9 },
    { peer: "cluster entity", ratio: 50 }
  ]
}

const fullActivity: Case = {
  name: "core/full-activity",
  measures:
    "As core/wake, but of a defined agent with the default retention, sent as an effect: the payload is validated, the receipt kept, the " +
    "metrics counted, and " +
    "each runtime has a subscriber who must have seen the event: the fiber of a subscriber waits for it, as that of the loop does for " +
    "an activity.",
  unit: "ops/s",
  ours: async () => {
    const { subscribedRuntimes } = await own()
    const { expect, processed } = makeCountdown()
    const sendAll = await subscribedRuntimes(1000, processed)
    return throughput(1000, async () => {
      const settled = expect(1000)
      await sendAll(1)
      return settled
    })
  },
  peers: { "core/wake": counted(1000, 1, local), "loop, of core/wake": counted(1000, 1, loop) },
  targets: [{ peer: "core/wake", ratio: 0.5 }]
}

const asks = 1000

const ask: Case = {
  name: "core/ask",
  measures: "1000 asks of one runtime at a time, each waiting for its reply.",
  unit: "ops/s",
  ours: async () => {
    const { Effect } = await import("effect")
    const one = await (await own()).asked()
    const all = Effect.forEach(Array.from({ length: asks }), () => one(1), { concurrency: "unbounded", discard: true })
    return throughput(asks, () => Effect.runPromise(all))
  },
  peers: {
    "Queue and Deferred": async () => {
      const { Effect } = await import("effect")
      const one = await (await loops()).asked()
      const all = Effect.forEach(Array.from({ length: asks }), () => one(1), {
        concurrency: "unbounded",
        discard: true
      })
      return throughput(asks, () => Effect.runPromise(all))
    },
    "nact query": async () => {
      const one = (await nact()).asked()
      return throughput(asks, () => Promise.all(Array.from({ length: asks }, () => one(1))))
    }
  },
  targets: [
    { peer: "Queue and Deferred", ratio: 1 },
    { peer: "nact query", ratio: 1.2 }
  ]
}

const burst = 100

const broadcasting =
  (subscribers: number, load: () => Promise<MakeBroadcast>): Contender =>
  async () => {
    const make = await load()
    let left = 0
    let done = () => {}
    const publish = await make(subscribers, (events) => {
      left -= events
      if (left === 0) done()
    })
    const events = Array.from({ length: burst }, (_, sequence) => ({ sequence }))
    return throughput(subscribers * burst, () => {
      left = subscribers * burst
      const settled = new Promise<void>((resolve) => (done = resolve))
      publish(events)
      return settled
    })
  }

const byHand = () => import("../peers/Broadcast.ts")

const broadcast = (subscribers: number): Case => ({
  name: `core/broadcast-${subscribers}`,
  measures:
    `Deliveries to ${subscribers} subscribers that read in batches, in bursts of ${burst}. Ours comes from a workflow that emits one ` +
    "event after the other; PubSub publishes the burst in one call.",
  unit: "ops/s",
  ours: broadcasting(subscribers, () => own().then(({ broadcast }) => broadcast)),
  peers: {
    "PubSub.unbounded": broadcasting(subscribers, () => byHand().then(({ pubSub }) => pubSub)),
    "a list of Queues": broadcasting(subscribers, () => byHand().then(({ queues }) => queues)),
    "limit: plain arrays": broadcasting(subscribers, () => byHand().then(({ arrays }) => arrays)),
    "limit: one ring, a cursor each": broadcasting(subscribers, () => byHand().then(({ cursors }) => cursors))
  },
  targets: [
    { peer: "PubSub.unbounded", ratio: 1.5 },
    { peer: "a list of Queues", ratio: 1.5 }
  ]
})

const memoryRuntime: Case = {
  name: "core/memory-runtime",
  measures: "The heap that one idle runtime keeps, which has a workflow and a state and has never processed anything.",
  unit: "bytes",
  nodeFlags: ["--expose-gc"],
  ours: async () => {
    const { createMore } = await own()
    const make = createMore()
    return heapPerItem(20_000, make)
  },
  peers: {
    "1 KB": 1024,
    "Queue, Ref and fiber": async () => {
      const { Effect } = await import("effect")
      const { counterWorkflow, handWritten } = await loops()
      return heapPerItem(20_000, (count) =>
        Effect.runPromise(Effect.replicateEffect(handWritten(counterWorkflow(() => {})), count))
      )
    }
  },
  targets: [
    { peer: "1 KB", ratio: 1 },
    { peer: "Queue, Ref and fiber", ratio: 1 / 0.4 }
  ]
}

const subscribersKept =
  (load: () => Promise<MakeBroadcast>): Contender =>
  async () => {
    const make = await load()
    return heapPerItem(20_000, (count) => make(count, () => {}))
  }

const memorySubscriber: Case = {
  name: "core/memory-subscriber",
  measures: "The heap that one subscriber of a runtime keeps, with the fiber that waits for its next batch.",
  unit: "bytes",
  nodeFlags: ["--expose-gc"],
  ours: subscribersKept(() => own().then(({ broadcast }) => broadcast)),
  peers: {
    "PubSub.unbounded": subscribersKept(() => byHand().then(({ pubSub }) => pubSub)),
    "a list of Queues": subscribersKept(() => byHand().then(({ queues }) => queues))
  },
  targets: []
}

const created = 100_000

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const create: Case = {
  name: "core/create",
  measures: "The time to make 100,000 runtimes, each with an id of its own.",
  unit: "ms",
  ours: async () => {
    const { createMore } = await own()
    await createMore()(1000)
    const make = createMore()
    return timed(() => make(created))
  },
  peers: {
    "Queue, Ref and fiber": async () => {
      const { Effect } = await import("effect")
      const { counterWorkflow, handWritten } = await loops()
      const make = (count: number) =>
        Effect.runPromise(Effect.replicateEffect(handWritten(counterWorkflow(() => {})), count))
      await make(1000)
      return timed(() => make(created))
    }
  },
  targets: [{ peer: "Queue, Ref and fiber", ratio: 1.5 }]
}

const growth: Case = {
  name: "core/growth",
  measures: "core/wake on 1000 runtimes with 100,000 idle ones beside them.",
  unit: "ops/s",
  ours: counted(1000, 1, () => own().then(({ localRuntimesBeside }) => localRuntimesBeside(100_000))),
  peers: { "no idle ones": counted(1000, 1, local) },
  targets: [{ peer: "no idle ones", ratio: 1 / 1.2 }]
}

export const cases: ReadonlyArray<Case> = [
  backlog,
  backlogMany,
  wake,
  fullActivity,
  ask,
  ...[1, 10, 100, 1000].map(broadcast),
  memoryRuntime,
  memorySubscriber,
  create,
  growth
]
