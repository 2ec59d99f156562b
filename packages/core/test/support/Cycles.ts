/** Runs in a process of its own with `--expose-gc`: what 100,000 lives of runtimes leave on the heap, in bytes, as JSON. */
import { LocalRuntimes, RuntimeManager } from "@agent-runtime/core"
import { Effect, Stream } from "effect"

const cycles = 100_000
const warmUp = 20_000

/** Create, send, terminate; every eighth also with a subscriber, a delayed activity and a fiber with its timeout. */
const cycle = Effect.fnUntraced(function* (local: LocalRuntimes.LocalRuntimes["Service"], n: number) {
  const isFull = n % 8 === 0
  const runtime = yield* local.create({
    state: 0,
    workflow: (_, state) => (isFull ? Effect.as(Effect.yieldNow, state + 1) : Effect.succeed(state + 1))
  })
  if (isFull) {
    yield* runtime.send({ type: "later" }, { deliverAt: 8e12 })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const events = yield* runtime.subscription()
        yield* runtime.send({ type: "tick" })
        yield* events.pipe(Stream.take(1), Stream.runDrain)
      })
    )
  } else {
    yield* runtime.send({ type: "tick" })
  }
  yield* runtime.terminate(n % 3 === 0 ? immediate : undefined)
})
const immediate = { mode: "immediate" } as const

const heap = (): number => {
  for (let i = 0; i < 4; i++) globalThis.gc!()
  return process.memoryUsage().heapUsed
}

const program = Effect.gen(function* () {
  const local = yield* LocalRuntimes.LocalRuntimes
  const manager = yield* RuntimeManager.RuntimeManager
  const run = (times: number) =>
    Effect.forEach(
      Array.from({ length: times / 100 }, (_, i) => i),
      (i) =>
        Effect.forEach(
          Array.from({ length: 100 }, (_, j) => i * 100 + j),
          (n) => cycle(local, n),
          { concurrency: 100, discard: true }
        ),
      { discard: true }
    )
  yield* run(warmUp)
  const before = heap()
  yield* run(cycles - warmUp)
  const after = heap()
  const left = (yield* manager.list()).items.length
  console.log(JSON.stringify({ cycles, before, after, left }))
})

await Effect.runPromise(program.pipe(Effect.provide(RuntimeManager.layer)))
