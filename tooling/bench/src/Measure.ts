/** How a contender turns its work into one sample. */
import { once } from "node:events"
import { performance } from "node:perf_hooks"
import * as Probe from "./Probe.ts"

/** Milliseconds; `--quick` shortens both. */
const warmUp = Number(process.env["BENCH_WARM_UP"] ?? 300)
const duration = Number(process.env["BENCH_DURATION"] ?? 500)

/** A contender's measured time is cut into so many turns, between which the other contenders of the case have theirs. */
const turns = 5

/** Turns in which a neighbour slowed the processor are taken again, until all of them have taken so many times the duration. */
const patience = 1.6

/** Waits until the runner gives this process a turn; one that was started by hand has all turns at once. */
const turn = async (): Promise<void> => {
  if (process.send === undefined) return
  const given = once(process, "message")
  process.send(Probe.known())
  const [fastest] = (await given) as [number]
  Probe.learn(fastest)
}

export interface Turn {
  readonly batches: number
  readonly millis: number
  /** How much a neighbour slowed the processor, before or after. */
  readonly slowdown: number
}

const millisOf = (taken: ReadonlyArray<Turn>): number => taken.reduce((sum, { millis }) => sum + millis, 0)

/** Those in which the processor was slowed least, as many as make up the time. */
export const calmest = (taken: ReadonlyArray<Turn>, millis: number): ReadonlyArray<Turn> => {
  const counted: Array<Turn> = []
  for (const next of taken.toSorted((a, b) => a.slowdown - b.slowdown)) {
    if (millisOf(counted) < millis) counted.push(next)
  }
  return counted
}

/**
 * Operations per second of a batch of work that is repeated until the time is up, after a warm-up.
 *
 * The whole time of its turns counts, garbage collection included; of the turns those that were disturbed least.
 */
export const throughput = async (operations: number, batch: () => void | Promise<unknown>): Promise<number> => {
  const repeat = async (atLeast: number): Promise<Omit<Turn, "slowdown">> => {
    const start = performance.now()
    let batches = 0
    let millis = 0
    do {
      const pending = batch()
      if (pending !== undefined) await pending
      batches++
      millis = performance.now() - start
    } while (millis < atLeast)
    return { batches, millis }
  }
  Probe.prepare()
  await repeat(warmUp)
  const taken: Array<Turn> = []
  const isEnough = () =>
    millisOf(taken.filter(({ slowdown }) => slowdown <= Probe.calm)) >= duration ||
    millisOf(taken) >= patience * duration
  while (!isEnough()) {
    await turn()
    const before = Probe.slowdown()
    const done = await repeat(duration / turns)
    taken.push({ ...done, slowdown: Math.max(before, Probe.slowdown()) })
  }
  const counted = calmest(taken, duration)
  return (counted.reduce((sum, { batches }) => sum + batches, 0) * operations * 1000) / millisOf(counted)
}

/** Bytes of heap that each of `count` things keeps alive, given how to make some of them; needs `--expose-gc`. */
export const heapPerItem = async (count: number, make: (count: number) => Promise<unknown>): Promise<number> => {
  // The first ones pay for compiled code and shared structures.
  const kept = [await make(1000)]
  const before = await settledHeap()
  kept.push(await make(count))
  const after = await settledHeap()
  if (kept.length !== 2) throw new Error("what is measured must stay alive")
  return (after - before) / count
}

const settledHeap = async (): Promise<number> => {
  if (globalThis.gc === undefined) throw new Error("memory is measured with --expose-gc")
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed
}
