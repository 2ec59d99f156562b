import { localRuntimes } from "/work/main/tooling/bench/src/own/Runtimes.ts"
import { Effect, Queue, Ref } from "effect"
const N = 1,
  K = 100000
let left = 0,
  done
const r = await localRuntimes(N, () => {
  if (--left === 0) done()
})
const p = { by: 1 }
const round = () =>
  new Promise((res) => {
    left = K
    done = res
    for (let i = 0; i < K; i++) r.send(0, p)
  })
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1000
}
// loop peer
const mk = await Effect.runPromise(
  Effect.gen(function* () {
    const q = yield* Queue.unbounded()
    const ref = yield* Ref.make(0)
    const wf = Effect.fnUntraced(function* (a, n) {
      yield* Effect.void
      if (--left === 0) done()
      return n + a.by
    })
    yield* Effect.forkDetach(
      Effect.gen(function* () {
        while (true) {
          const a = yield* Queue.take(q)
          const s = yield* Ref.get(ref)
          const n = yield* wf(a, s)
          yield* Ref.set(ref, n)
        }
      })
    )
    return q
  })
)
const round2 = () =>
  new Promise((res) => {
    left = K
    done = res
    for (let i = 0; i < K; i++) Queue.offerUnsafe(mk, p)
  })
for (const [n, f] of [
  ["ours", round],
  ["loop", round2],
  ["ours", round],
  ["loop", round2]
]) {
  for (let i = 0; i < 3; i++) await f()
  const c = cpu(),
    t = performance.now()
  for (let i = 0; i < 10; i++) await f()
  console.log(
    n,
    (((cpu() - c) / 10 / K) * 1e6).toFixed(0) + " ns cpu",
    (((performance.now() - t) / 10 / K) * 1e6).toFixed(0) + " ns wall"
  )
}
process.exit(0)
