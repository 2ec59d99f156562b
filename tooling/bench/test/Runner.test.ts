import { describe, expect, it } from "vitest"
import type { Case } from "../src/Case.ts"
import { disturbance, parseProcessorTime } from "../src/Disturbance.ts"
import { runCases, type RunOptions } from "../src/Runner.ts"
import type { Round } from "../src/Sample.ts"

const never = () => Promise.reject(new Error("a contender runs in a process of its own"))

const caseOf = (name: string, more: Partial<Case> = {}): Case => ({
  name,
  measures: "Nothing.",
  unit: "ops/s",
  ours: never,
  peers: { Peer: never },
  targets: [],
  ...more
})

/** A sample, or one that was disturbed. */
type Sample = number | { readonly value: number; readonly disturbance: number }

/** Runs the cases with samples by case and contender, in turn and then from the beginning again; answers what was taken. */
const run = async (
  cases: ReadonlyArray<Case>,
  samples: Readonly<Record<string, ReadonlyArray<Sample>>>,
  options: Partial<RunOptions> = {}
) => {
  const taken: Array<string> = []
  const failed: Array<string> = []
  const sample = (key: string) => {
    const values = samples[key] ?? [100]
    const value = values[taken.filter((one) => one === key).length % values.length]!
    taken.push(key)
    if (value === 0) throw new Error("it ended with 1")
    return typeof value === "number" ? { value, disturbance: 0 } : value
  }
  const results = await runCases(cases, {
    leastRounds: 5,
    mostRounds: 15,
    isTimeUp: () => false,
    take: async ({ name }, contenders): Promise<Round> => {
      const values = contenders.map((contender) => [contender, sample(`${name} ${contender}`)] as const)
      return {
        samples: Object.fromEntries(values.map(([contender, { value }]) => [contender, value])),
        disturbance: Math.max(...values.map(([, { disturbance }]) => disturbance))
      }
    },
    onRound: () => {},
    onResult: () => {},
    onFailure: ({ name }) => failed.push(name),
    ...options
  })
  return { results, taken, failed, rounds: results.map(({ rounds }) => rounds) }
}

describe("the rounds", () => {
  it("go through all cases before the next begins, with another contender first", async () => {
    const { taken } = await run([caseOf("a"), caseOf("b")], {}, { leastRounds: 2 })
    const first = ["a ours", "a Peer", "b ours", "b Peer"]
    expect(taken).toStrictEqual([...first, "a Peer", "a ours", "b Peer", "b ours"])
  })

  it("end for a case as soon as its ratio is settled, but not before the least number", async () => {
    const noisyAtFirst = [100, 150, 100, 100, 100, 100, 100, 100]
    const { results, rounds } = await run([caseOf("noisy"), caseOf("calm")], { "noisy ours": noisyAtFirst })
    // One of 8 rounds may lie outside, on either side; one of 7 may not.
    expect(rounds).toStrictEqual([8, 5])
    expect(results.map(({ uncertainty }) => uncertainty)).toStrictEqual([0, 0])
    expect(results.map(({ name }) => name)).toStrictEqual(["noisy", "calm"])
  })

  it("are not needed more when the whole machine becomes slower", async () => {
    const slower = [100, 90, 80, 70, 60]
    expect((await run([caseOf("a")], { "a ours": slower, "a Peer": slower })).rounds).toStrictEqual([5])
  })

  it("end at the greatest number where the ratio never settles", async () => {
    const { results, rounds } = await run([caseOf("a")], { "a ours": [100, 150] })
    expect(rounds).toStrictEqual([15])
    expect(results[0]!.uncertainty).toBeGreaterThan(0.07)
  })

  it("are as many as wanted where the number is fixed", async () => {
    const fixed = { leastRounds: 2, mostRounds: 2 }
    expect((await run([caseOf("a")], { "a ours": [100, 150] }, fixed)).rounds).toStrictEqual([2])
  })

  it("end when the time is up, after the least number", async () => {
    const late = { isTimeUp: () => true }
    expect((await run([caseOf("a")], { "a ours": [100, 150] }, late)).rounds).toStrictEqual([5])

    let asked = 0
    const soon = { isTimeUp: () => ++asked > 4 }
    const noisy = { "a ours": [100, 150], "b ours": [100, 150] }
    expect((await run([caseOf("a"), caseOf("b")], noisy, soon)).rounds).toStrictEqual([6, 5])
  })

  it("are one for what is the same every time, and do not ask a fixed bound", async () => {
    const { rounds, taken } = await run([caseOf("a", { exact: true, peers: { "1 KB": 1024 } })], {})
    expect(rounds).toStrictEqual([1])
    expect(taken).toStrictEqual(["a ours"])
  })

  it("are taken once more where one fails, as a machine that stands still for long makes it", async () => {
    const { failed, results } = await run([caseOf("a"), caseOf("b")], { "a Peer": [100, 0, 100, 100, 100, 100] })
    expect(failed).toStrictEqual([])
    expect(results.map(({ name }) => name)).toStrictEqual(["a", "b"])
  })

  it("leave out a case that fails twice, and go on with the others", async () => {
    const { failed, results } = await run([caseOf("a"), caseOf("b")], { "a Peer": [100, 0, 0] })
    expect(failed).toStrictEqual(["a"])
    expect(results.map(({ name }) => name)).toStrictEqual(["b"])
  })
})

describe("a disturbed round", () => {
  const disturbed = (value: number, disturbance: number): Sample => ({ value, disturbance })

  it("is made again, and the less disturbed of both is taken", async () => {
    const again = await run([caseOf("a")], { "a ours": [disturbed(50, 0.9), 100, 100, 100, 100, 100] })
    expect(again.taken).toHaveLength(12)
    expect(again.results[0]).toMatchObject({ ours: { min: 100 }, disturbed: 0 })

    const worse = await run([caseOf("a")], {
      "a ours": [disturbed(97, 0.2), disturbed(50, 0.9), 100, 100, 100, 100]
    })
    expect(worse.results[0]).toMatchObject({ ours: { min: 97 }, disturbed: 1 })
  })

  it("is made again 3 times in a case and no more, and each that was taken is counted", async () => {
    const { results, taken } = await run([caseOf("a")], { "a ours": [disturbed(100, 0.5)] })
    expect(taken).toHaveLength(16)
    expect(results[0]).toMatchObject({ rounds: 5, disturbed: 5 })
  })

  it("is as good as any where bytes are counted", async () => {
    const { results, taken } = await run([caseOf("a", { unit: "bytes" })], { "a ours": [disturbed(100, 0.5)] })
    expect(taken).toHaveLength(10)
    expect(results[0]).toMatchObject({ disturbed: 0 })
  })

  it("is found by what others used of the processors and the host kept", () => {
    const machine = (user: number, system: number, stolen: number) =>
      `cpu  ${user} 5 ${system} 9000 80 0 70 ${stolen} 0 0\ncpu0 1 2 3\n`
    const self = (own: number) => `77 (node (bench) x) S 1 1 1 0 -1 0 9 9 9 9 ${own} 20 3 4 20 0 11\n`
    const before = parseProcessorTime(machine(1000, 100, 10), self(1))
    expect(before).toStrictEqual({ all: 1105, own: 28, stolen: 10 })
    const after = parseProcessorTime(machine(1150, 150, 20), self(171))
    expect(after).toStrictEqual({ all: 1305, own: 198, stolen: 20 })
    // 2 s used, 1.7 of them here, and 0.1 s kept.
    expect(disturbance(before, after, 2000)).toBeCloseTo(0.2)
    // The kernel counts by ticks, and may have seen more of a process than of the processors.
    expect(disturbance(before, { ...before, own: 40 }, 2000)).toBe(0)
  })
})
