/** `@agent-runtime/mailbox` alone, against Effect's queues and the usual priority queues. */
import type { Case } from "../Case.ts"
import { heapPerItem, throughput } from "../Measure.ts"

const lanes = ["a", "b", "c", "d"] as const

/** What waits in the priority cases: the same objects go round, so that nothing but the queue allocates. */
interface Job {
  readonly id: number
  lane: number
  order: number
}

/** The lanes of successive offers: even, without a pattern, the same in every process. */
const laneTable = (): Uint8Array => {
  const table = new Uint8Array(65_536)
  let seed = 42
  for (let i = 0; i < table.length; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    table[i] = seed >>> 30
  }
  return table
}

const jobs = (count: number): Array<Job> => {
  const table = laneTable()
  return Array.from({ length: count }, (_, id) => ({ id, lane: table[id & 65_535]!, order: id }))
}

const effects = async () => {
  const { Effect, Queue } = await import("effect")
  return { Effect, Queue }
}

const ownModule = async () => {
  const { Effect } = await import("effect")
  const { PrioritizedMailbox } = await import("@agent-runtime/mailbox")
  return { Effect, PrioritizedMailbox }
}

const burstSize = 100_000

const burst: Case = {
  name: "mailbox/burst",
  measures:
    "Offers 100,000 elements without an effect, then takes them one by one in one fiber. No waiting and no second fiber.",
  unit: "ops/s",
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<number>()
    const program = Effect.gen(function* () {
      for (let i = 0; i < burstSize; i++) PrioritizedMailbox.offerUnsafe(mailbox, i, "standard")
      for (let i = 0; i < burstSize; i++) yield* PrioritizedMailbox.take(mailbox)
    })
    return throughput(burstSize, () => Effect.runPromise(program))
  },
  peers: {
    Queue: async () => {
      const { Effect, Queue } = await effects()
      const queue = await Effect.runPromise(Queue.unbounded<number>())
      const program = Effect.gen(function* () {
        for (let i = 0; i < burstSize; i++) Queue.offerUnsafe(queue, i)
        for (let i = 0; i < burstSize; i++) yield* Queue.take(queue)
      })
      return throughput(burstSize, () => Effect.runPromise(program))
    },
    "limit: ring buffer without Effect": async () => {
      const { makeRing } = await import("../limits/Ring.ts")
      const ring = makeRing<number>()
      let sum = 0
      const sample = await throughput(burstSize, () => {
        for (let i = 0; i < burstSize; i++) ring.push(i)
        for (let i = 0; i < burstSize; i++) sum += ring.shift() ?? 0
      })
      return sum < 0 ? 0 : sample
    }
  },
  targets: [{ peer: "Queue", ratio: 1.8 }]
}

const batch: Case = {
  name: "mailbox/batch",
  measures: "Offers 100,000 elements without an effect, then takes them all at once, as an effect.",
  unit: "ops/s",
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<number>()
    const program = Effect.gen(function* () {
      for (let i = 0; i < burstSize; i++) PrioritizedMailbox.offerUnsafe(mailbox, i, "standard")
      let taken = 0
      while (taken < burstSize) taken += (yield* PrioritizedMailbox.takeAll(mailbox)).length
    })
    return throughput(burstSize, () => Effect.runPromise(program))
  },
  peers: {
    Queue: async () => {
      const { Effect, Queue } = await effects()
      const queue = await Effect.runPromise(Queue.unbounded<number>())
      const program = Effect.gen(function* () {
        for (let i = 0; i < burstSize; i++) Queue.offerUnsafe(queue, i)
        let taken = 0
        while (taken < burstSize) taken += (yield* Queue.takeAll(queue)).length
      })
      return throughput(burstSize, () => Effect.runPromise(program))
    }
  },
  targets: [{ peer: "Queue", ratio: 1 }]
}

const effectOffer: Case = {
  name: "mailbox/effect-offer",
  measures: "Offers 100,000 elements one by one as effects, then takes them one by one, in one fiber.",
  unit: "ops/s",
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<number>()
    const program = Effect.gen(function* () {
      for (let i = 0; i < burstSize; i++) yield* PrioritizedMailbox.offer(mailbox, i, "standard")
      for (let i = 0; i < burstSize; i++) yield* PrioritizedMailbox.take(mailbox)
    })
    return throughput(burstSize, () => Effect.runPromise(program))
  },
  peers: {
    Queue: async () => {
      const { Effect, Queue } = await effects()
      const queue = await Effect.runPromise(Queue.unbounded<number>())
      const program = Effect.gen(function* () {
        for (let i = 0; i < burstSize; i++) yield* Queue.offer(queue, i)
        for (let i = 0; i < burstSize; i++) yield* Queue.take(queue)
      })
      return throughput(burstSize, () => Effect.runPromise(program))
    }
  },
  targets: [{ peer: "Queue", ratio: 1.3 }]
}

const wakeSize = 20_000

const wake: Case = {
  name: "mailbox/wake",
  measures:
    "A fiber takes and parks for every element; each element comes from a microtask after the fiber has parked, as from a socket. " +
    "Default scheduler on both sides.",
  unit: "ops/s",
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<number>()
    const offer = () => void PrioritizedMailbox.offerUnsafe(mailbox, 1, "standard")
    const program = Effect.gen(function* () {
      for (let i = 0; i < wakeSize; i++) {
        queueMicrotask(offer)
        yield* PrioritizedMailbox.take(mailbox)
      }
    })
    return throughput(wakeSize, () => Effect.runPromise(program))
  },
  peers: {
    Queue: async () => {
      const { Effect, Queue } = await effects()
      const queue = await Effect.runPromise(Queue.unbounded<number>())
      const offer = () => void Queue.offerUnsafe(queue, 1)
      const program = Effect.gen(function* () {
        for (let i = 0; i < wakeSize; i++) {
          queueMicrotask(offer)
          yield* Queue.take(queue)
        }
      })
      return throughput(wakeSize, () => Effect.runPromise(program))
    },
    "limit: a fiber resumed in a microtask": async () => {
      const { Effect } = await effects()
      const wait = Effect.callback<void>((resume) => queueMicrotask(() => resume(Effect.void)))
      const program = Effect.gen(function* () {
        for (let i = 0; i < wakeSize; i++) yield* wait
      })
      return throughput(wakeSize, () => Effect.runPromise(program))
    }
  },
  targets: [{ peer: "Queue", ratio: 1.5 }]
}

const waiting = 10_000

const priorities10k: Case = {
  name: "mailbox/priorities-10k",
  measures:
    "Fills four lanes with 10,000 jobs in no order, then drains them by priority; an operation is one job in and out. Ours and the " +
    "four Queues are polled without an effect; async and p-queue run a worker or a function for each job, as they are meant to; " +
    "TxPriorityQueue is used as effects.",
  unit: "ops/s",
  ours: async () => {
    const { PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<Job, never, (typeof lanes)[number]>({ lanes })
    const all = jobs(waiting)
    return throughput(waiting, () => {
      for (const job of all) PrioritizedMailbox.offerUnsafe(mailbox, job, lanes[job.lane]!)
      for (let i = 0; i < waiting; i++) {
        if (PrioritizedMailbox.pollUnsafe(mailbox) === undefined) throw new Error("every job comes out")
      }
    })
  },
  peers: {
    "async.priorityQueue": async () => {
      const { default: async } = await import("async")
      const queue = async.priorityQueue<Job>((_, callback) => callback(), 1)
      const all = jobs(waiting)
      return throughput(waiting, () => {
        queue.pause()
        for (const job of all) queue.push(job, job.lane)
        const drained = queue.drain()
        queue.resume()
        return drained
      })
    },
    "p-queue": async () => {
      const { default: PQueue } = await import("p-queue")
      const queue = new PQueue({ concurrency: 1, autoStart: false })
      const all = jobs(waiting)
      const work = () => {}
      return throughput(waiting, () => {
        for (const job of all) void queue.add(work, { priority: 3 - job.lane })
        queue.start()
        return queue.onIdle().then(() => queue.pause())
      })
    },
    TxPriorityQueue: async () => {
      const { Effect, Order, TxPriorityQueue } = await import("effect")
      const order = Order.mapInput(Order.Number, (job: Job) => job.lane)
      const queue = await Effect.runPromise(TxPriorityQueue.empty(order))
      const all = jobs(waiting)
      const program = Effect.gen(function* () {
        for (const job of all) yield* TxPriorityQueue.offer(queue, job)
        for (let i = 0; i < waiting; i++) yield* TxPriorityQueue.take(queue)
      })
      return throughput(waiting, () => Effect.runPromise(program))
    },
    "four Queues": async () => {
      const { Effect, Queue } = await effects()
      const queues = await Effect.runPromise(Effect.all(lanes.map(() => Queue.unbounded<Job>())))
      const all = jobs(waiting)
      return throughput(waiting, () => {
        for (const job of all) Queue.offerUnsafe(queues[job.lane]!, job)
        for (let i = 0; i < waiting; i++) {
          let exit = Queue.takeUnsafe(queues[0]!)
          for (let lane = 1; exit === undefined && lane < 4; lane++) exit = Queue.takeUnsafe(queues[lane]!)
          if (exit === undefined || exit._tag === "Failure") throw new Error("every job comes out")
        }
      })
    },
    "limit: raw lanes": async () => {
      const { makeRing } = await import("../limits/Ring.ts")
      const rings = lanes.map(() => makeRing<Job>())
      const all = jobs(waiting)
      return throughput(waiting, () => {
        for (const job of all) rings[job.lane]!.push(job)
        for (let i = 0; i < waiting; i++) {
          let lane = 0
          while (rings[lane]!.size() === 0) lane++
          if (rings[lane]!.shift() === undefined) throw new Error("every job comes out")
        }
      })
    }
  },
  targets: [
    { peer: "async.priorityQueue", ratio: 5 },
    { peer: "p-queue", ratio: 15 },
    { peer: "TxPriorityQueue", ratio: 500 },
    { peer: "four Queues", ratio: 1.5 }
  ]
}

/** Operations per second of taking the next job and offering it to another lane, while `count` jobs wait. */
const ownHold = async (count: number): Promise<number> => {
  const { PrioritizedMailbox } = await ownModule()
  const mailbox = PrioritizedMailbox.makeUnsafe<Job, never, (typeof lanes)[number]>({ lanes })
  const table = laneTable()
  for (const job of jobs(count)) PrioritizedMailbox.offerUnsafe(mailbox, job, lanes[job.lane]!)
  let turn = 0
  return throughput(100_000, () => {
    for (let i = 0; i < 100_000; i++) {
      const job = PrioritizedMailbox.pollUnsafe(mailbox)!
      PrioritizedMailbox.offerUnsafe(mailbox, job, lanes[table[turn++ & 65_535]!]!)
    }
  })
}

const priorities1M: Case = {
  name: "mailbox/priorities-1M",
  measures:
    "Takes the next of four lanes and offers it again to another, a million waiting, all without an effect; tinyqueue compares " +
    "lane, then order of arrival, which it finds in the job.",
  unit: "ops/s",
  ours: () => ownHold(1_000_000),
  peers: {
    "itself at 10 waiting": () => ownHold(10),
    tinyqueue: async () => {
      const { default: TinyQueue } = await import("tinyqueue")
      const queue = new TinyQueue<Job>(jobs(1_000_000), (a, b) => a.lane - b.lane || a.order - b.order)
      const table = laneTable()
      let turn = 1_000_000
      return throughput(100_000, () => {
        for (let i = 0; i < 100_000; i++) {
          const job = queue.pop()!
          job.lane = table[turn & 65_535]!
          job.order = turn++
          queue.push(job)
        }
      })
    },
    "limit: raw lanes": async () => {
      const { makeRing } = await import("../limits/Ring.ts")
      const rings = lanes.map(() => makeRing<Job>())
      for (const job of jobs(1_000_000)) rings[job.lane]!.push(job)
      const table = laneTable()
      let turn = 0
      return throughput(100_000, () => {
        for (let i = 0; i < 100_000; i++) {
          let lane = 0
          while (rings[lane]!.size() === 0) lane++
          const job = rings[lane]!.shift()!
          rings[table[turn++ & 65_535]!]!.push(job)
        }
      })
    }
  },
  targets: [
    { peer: "itself at 10 waiting", ratio: 0.6 },
    { peer: "tinyqueue", ratio: 1.5 }
  ]
}

const bounded: Case = {
  name: "mailbox/bounded",
  measures:
    "One fiber offers 100,000 elements as effects and waits where 64 are inside, another takes them one by one.",
  unit: "ops/s",
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    const mailbox = PrioritizedMailbox.makeUnsafe<number>({ capacity: 64 })
    const produce = Effect.gen(function* () {
      for (let i = 0; i < burstSize; i++) yield* PrioritizedMailbox.offer(mailbox, i, "standard")
    })
    const program = Effect.gen(function* () {
      yield* Effect.forkChild(produce)
      for (let i = 0; i < burstSize; i++) yield* PrioritizedMailbox.take(mailbox)
    })
    return throughput(burstSize, () => Effect.runPromise(program))
  },
  peers: {
    "Queue.bounded": async () => {
      const { Effect, Queue } = await effects()
      const queue = await Effect.runPromise(Queue.bounded<number>(64))
      const produce = Effect.gen(function* () {
        for (let i = 0; i < burstSize; i++) yield* Queue.offer(queue, i)
      })
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(produce)
        for (let i = 0; i < burstSize; i++) yield* Queue.take(queue)
      })
      return throughput(burstSize, () => Effect.runPromise(program))
    }
  },
  targets: [{ peer: "Queue.bounded", ratio: 1.5 }]
}

const idleCount = 20_000

const memoryIdle: Case = {
  name: "mailbox/memory-idle",
  measures: "The heap that one idle, unbounded mailbox of two lanes keeps, nothing ever offered to it.",
  unit: "bytes",
  nodeFlags: ["--expose-gc"],
  ours: async () => {
    const { Effect, PrioritizedMailbox } = await ownModule()
    return heapPerItem(idleCount, (count) =>
      Effect.runPromise(Effect.replicateEffect(PrioritizedMailbox.make<number>(), count))
    )
  },
  peers: {
    Queue: async () => {
      const { Effect, Queue } = await effects()
      return heapPerItem(idleCount, (count) =>
        Effect.runPromise(Effect.replicateEffect(Queue.unbounded<number>(), count))
      )
    },
    "two Queues": async () => {
      const { Effect, Queue } = await effects()
      const two = Effect.all([Queue.unbounded<number>(), Queue.unbounded<number>()])
      return heapPerItem(idleCount, (count) => Effect.runPromise(Effect.replicateEffect(two, count)))
    }
  },
  targets: [{ peer: "Queue", ratio: 1 / 0.8 }]
}

export const cases: ReadonlyArray<Case> = [
  burst,
  batch,
  effectOffer,
  wake,
  priorities10k,
  priorities1M,
  bounded,
  memoryIdle
]
