/** How a contender turns its work into one sample. */
import { once } from "node:events"
import { performance } from "node:perf_hooks"

/** Milliseconds; `--quick` shortens both. */
const warmUp = Number(process.env["BENCH_WARM_UP"] ?? 300)
const duration = Number(process.env["BENCH_DURATION"] ?? 800)

/** A contender's measured time is cut into so many turns, between which the other contenders of the case have theirs. */
const turns = 8

/** Waits until the runner gives this process a turn; one that was started by hand has all turns at once. */
const turn = async (): Promise<void> => {
  if (process.send === undefined) return
  const given = once(process, "message")
  process.send("ready")
  await given
}

/**
 * Operations per second of a batch of work that is repeated until the time is up, after a warm-up.
 *
 * The whole time of its turns counts, garbage collection included.
 */
export const throughput = async (operations: number, batch: () => void | Promise<unknown>): Promise<number> => {
  let batches = 0
  const repeat = async (millis: number): Promise<number> => {
    const start = performance.now()
    let elapsed = 0
    do {
      const pending = batch()
      if (pending !== undefined) await pending
      batches++
      elapsed = performance.now() - start
    } while (elapsed < millis)
    return elapsed
  }
  await repeat(warmUp)
  batches = 0
  let elapsed = 0
  while (elapsed < duration) {
    await turn()
    elapsed += await repeat(duration / turns)
  }
  return (batches * operations * 1000) / elapsed
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
