import { localRuntimes } from "/work/main/tooling/bench/src/own/Runtimes.ts"
const N = +process.argv[2] || 1,
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
    for (let i = 0; i < K; i++) r.send(i % N, p)
  })
const cpu = () => {
  const u = process.cpuUsage()
  return (u.user + u.system) / 1000
}
for (let i = 0; i < 3; i++) await round()
const c = cpu()
for (let i = 0; i < 30; i++) await round()
console.log((((cpu() - c) / 30 / K) * 1e6).toFixed(0) + " ns cpu")
process.exit(0)
