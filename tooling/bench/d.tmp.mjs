import { Effect, Context, Exit } from "effect"
const ref = Context.Reference("x", { defaultValue: () => null })
const ctx = Context.add(
  Context.makeUnsafe(
    new Map([
      ["a", 1],
      ["b", 2]
    ])
  ),
  ref,
  1
)
const wf = Effect.fnUntraced(function* (a, n) {
  yield* Effect.void
  return n + a.by
})
const K = 100000,
  p = { by: 1 }
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1000
}
const run = Effect.runForkWith(ctx)
let s = 0
const A = () => {
  for (let i = 0; i < K; i++) {
    const e = run(wf(p, s)).pollUnsafe()
    s = e.value
  }
}
const B = () => {
  for (let j = 0; j < K; j += 64) {
    let i = 0
    run(
      Effect.whileLoop({
        while: () => i < 64,
        body: () => wf(p, s),
        step: (v) => {
          i++
          s = v
        }
      })
    )
  }
}
const B1 = () => {
  for (let j = 0; j < K; j++) {
    let i = 0
    run(
      Effect.whileLoop({
        while: () => i < 1,
        body: () => wf(p, s),
        step: (v) => {
          i++
          s = v
        }
      })
    )
  }
}
const C = () => {
  for (let i = 0; i < K; i++) {
    const e = wf(p, s)
    s += 1
  }
}
const D = () => {
  for (let i = 0; i < K; i++) {
    s += Date.now() & 1
  }
}
const F = () => {
  for (let i = 0; i < K; i++) {
    s += Exit.isExit(p) ? 1 : 0
    s += Effect.isEffect(p) ? 1 : 0
  }
}
const G = () => {
  const g = function* (a, n) {
    yield* Effect.void
    return n + a.by
  }
  for (let i = 0; i < K; i++) {
    const it = g(p, s)
    let r = it.next()
    while (!r.done) r = it.next()
    s = r.value
  }
}
for (const [n, f] of Object.entries({ A, B, B1, C, D, F, G, A2: A, B2: B })) {
  for (let i = 0; i < 5; i++) f()
  const c = cpu()
  for (let i = 0; i < 20; i++) f()
  console.log(n, (((cpu() - c) / 20 / K) * 1e6).toFixed(0) + " ns")
}
