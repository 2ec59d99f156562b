import { Child } from "./Child.ts"
import { Oracle } from "./Oracle.ts"
import { crashPoints, type Order, type Report, runtimes } from "./protocol.ts"

/** A generator of numbers below 1 that a seed repeats. */
const numbers = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** Of ten orders; the others are notes, the last one delayed. */
const kinds = ["Retried", "Urgent", "Urgent", "Fail", "Expired", "Cancelled"] as const

/** Sends again what was never answered, until it is. */
const answered = (child: Child, oracle: Oracle): Promise<void> =>
  new Promise((resolve, reject) => {
    if (oracle.open.length === 0) return resolve()
    child.on((said) => {
      if (said.op === "acknowledged") oracle.acknowledge(said.id)
      if (said.op === "refused") reject(new Error(`${said.id} was refused: ${said.why}`))
      if (oracle.open.length === 0) resolve()
    })
    void child.ended.then(() => reject(new Error("the child died while it was asked to be calm")))
    for (const order of oracle.open) {
      oracle.send(order)
      child.order(order)
    }
  })

/**
 * Kills a program under load so many times, at random moments and at every named point in turn, and starts it again on the
 * same store. Answers what the oracle found wrong, and how much was acknowledged meanwhile.
 */
export const crash = async (
  url: string,
  options: { readonly kills: number; readonly seed: number }
): Promise<{ readonly faults: ReadonlyArray<string>; readonly acknowledged: number; readonly kills: number }> => {
  const next = numbers(options.seed)
  const below = (n: number) => Math.floor(next() * n)
  const oracle = new Oracle()
  // On PostgreSQL a transaction does not come in parts.
  const points = crashPoints.filter((point) => point !== "part" || !url.startsWith("postgres:"))
  let number = 0

  const verify = async (child: Child): Promise<ReadonlyArray<string>> => {
    await answered(child, oracle)
    return oracle.judge(await child.report())
  }

  const load = async (child: Child) => {
    child.on((said) => {
      if (said.op === "acknowledged") oracle.acknowledge(said.id)
    })
    while (child.isAlive) {
      // As much as keeps it busy: more would only be sent again after the crash.
      for (let i = oracle.open.length < 400 ? below(80) : 0; i > 0; i--) {
        const kind = below(10)
        const order: Order & { op: "send" } = {
          op: "send",
          runtime: runtimes[below(runtimes.length)]!,
          id: `a${++number}`,
          type: kinds[kind] ?? "Note",
          ...(kind === 9 ? { delay: below(30) } : {})
        }
        oracle.send(order)
        child.order(order)
      }
      await new Promise((resolve) => setTimeout(resolve, below(8)))
    }
    await child.ended
  }

  for (let kills = 0; ; kills++) {
    // Every other time at a point of its own choice, otherwise whenever it happens.
    const named = kills % 2 === 0 ? points[(kills / 2) % points.length] : undefined
    const child = new Child(url, named && { point: named, count: 5 + below(40) })
    await child.up()
    const faults = await verify(child)
    if (faults.length > 0 || kills === options.kills) {
      child.kill()
      await child.ended
      return { faults, acknowledged: oracle.acknowledgements, kills }
    }
    child.order({ op: "arm" })
    const later = setTimeout(() => child.kill(), named === undefined ? 100 + below(700) : 4000)
    await load(child)
    clearTimeout(later)
  }
}

/** Sends something that kills the process, between two that do not, and starts the process again until it stays. */
export const poison = async (url: string): Promise<{ readonly died: number; readonly report: Report }> => {
  const runtime = runtimes[0]!
  const oracle = new Oracle()
  oracle.send({ op: "send", runtime, id: "before", type: "Note" })
  oracle.send({ op: "send", runtime, id: "poison", type: "Poison" })
  oracle.send({ op: "send", runtime, id: "after", type: "Note" })
  for (let died = 0; ; died++) {
    const child = new Child(url)
    const calm = async () => {
      await child.up()
      await answered(child, oracle)
      return child.report()
    }
    const report = await Promise.race([calm().catch(() => undefined), child.ended])
    child.kill()
    await child.ended
    if (report !== undefined) return { died, report: report.find((line) => line.runtime === runtime)! }
  }
}

/** Kills the program while it makes its tables; answers what is wrong at the next start. */
export const killWhileStarting = async (url: string): Promise<ReadonlyArray<string>> => {
  const dying = new Child(url, { point: "migration", count: 0 })
  await dying.ended
  const child = new Child(url)
  await child.up()
  const faults = new Oracle().judge(await child.report())
  child.kill()
  await child.ended
  return faults
}
