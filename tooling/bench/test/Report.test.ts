import { describe, expect, it } from "vitest"
import { compare, distance, ratioChanges } from "../src/Compare.ts"
import { chart, charts } from "../src/Chart.ts"
import { performanceSection, replaceSection } from "../src/Readme.ts"
import type { Unit } from "../src/Case.ts"
import { makeResult, readReport, type Report } from "../src/Report.ts"
import { median, medianInterval, spread, summarize } from "../src/Statistics.ts"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const report = (own: ReadonlyArray<number>, peer: ReadonlyArray<number>, unit: Unit = "ops/s"): Report => ({
  machine: { cpu: "Test CPU", cores: 2, memoryGiB: 24, os: "Linux", arch: "x64", date: "2026-01-02T00:00:00Z" },
  versions: { node: "24.0.0", effect: "4.1.0", "@agent-runtime/mailbox": "0.0.0" },
  results: [
    makeResult({ name: "group/figure", unit, targets: [{ peer: "Peer", ratio: 2 }] }, own, {
      Peer: peer,
      "limit: plain": own.map(() => 1000)
    })
  ]
})

describe("a ratio", () => {
  it("is that of the rounds, whose contenders ran side by side", () => {
    // The machine was slow in the second round and very slow in the third.
    const [result] = report([100, 60, 10], [50, 30, 5]).results
    expect(result).toMatchObject({ peers: { Peer: { ratio: 2 } }, uncertainty: 5 })
    const limited = makeResult({ name: "a", unit: "ops/s", targets: [] }, [100, 60, 10], { Peer: [20, 60, 5] })
    expect(limited).toMatchObject({ ours: { median: 60 }, peers: { Peer: { median: 20, ratio: 2 } } })
  })
})

describe("statistics", () => {
  it("take the middle sample, or the mean of the two in the middle, in any order of samples", () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 10, 2])).toBe(3)
    expect(median([100, 20, 3])).toBe(20)
    expect(() => median([])).toThrow(RangeError)
  })

  it("summarize with median, min and max, and spread over the median", () => {
    expect(summarize([10, 30, 20])).toStrictEqual({ median: 20, min: 10, max: 30 })
    expect(spread({ median: 20, min: 10, max: 30 })).toBe(1)
  })

  it("find the median between the k-th smallest and the k-th largest sample with a confidence of 90 %", () => {
    const ranks = (count: number) => medianInterval(Array.from({ length: count }, (_, i) => count - i))
    // All of 7 lie on one side, or all but one, once in 8 times; of 8, once in 14.
    expect(ranks(1)).toStrictEqual([1, 1])
    expect(ranks(5)).toStrictEqual([1, 5])
    expect(ranks(7)).toStrictEqual([1, 7])
    expect(ranks(8)).toStrictEqual([2, 7])
    expect(ranks(11)).toStrictEqual([3, 9])
    expect(ranks(15)).toStrictEqual([4, 12])
  })

  it("miss the median with their interval as seldom as they say", () => {
    let seed = 1
    const skewed = () => Math.exp(((seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * 4)
    for (const count of [5, 8, 11, 15]) {
      let missed = 0
      for (let trial = 0; trial < 10_000; trial++) {
        const [low, high] = medianInterval(Array.from({ length: count }, skewed))
        if (Math.exp(2) < low || Math.exp(2) > high) missed++
      }
      expect(missed).toBeLessThan(1000)
      expect(missed).toBeGreaterThan(200)
    }
  })
})

describe("a result", () => {
  it("has ours over the peer's as its ratio where more is better, and knows which targets are met", () => {
    const [result] = report([300, 310, 290], [100, 120, 90]).results
    expect(result).toStrictEqual({
      name: "group/figure",
      unit: "ops/s",
      ours: { median: 300, min: 290, max: 310 },
      peers: {
        Peer: { median: 100, min: 90, max: 120, ratio: 3 },
        "limit: plain": { median: 1000, min: 1000, max: 1000, ratio: 0.3 }
      },
      targets: [{ peer: "Peer", ratio: 2, met: true }],
      rounds: 3,
      uncertainty: expect.closeTo(3 / (310 / 120) - 1)
    })
    expect(report([199], [100]).results[0]?.targets[0]?.met).toBe(false)
    expect(report([200], [100]).results[0]?.targets[0]?.met).toBe(true)
  })

  it("says how far off the ratio may be that is known least, by the ratios of its rounds", () => {
    const { results } = report([100, 110, 120, 130, 140], [50, 55, 60, 65, 70])
    // The rounds agree about the peer, whatever the machine did meanwhile; not about the limit, which never moved.
    expect(results[0]?.uncertainty).toBeCloseTo(120 / 100 - 1)
  })

  it("has the peer's over ours as its ratio where less is better", () => {
    expect(report([100], [300], "bytes").results[0]?.peers["Peer"]?.ratio).toBe(3)
  })

  it("does not accept a target for a peer that never ran", () => {
    expect(() => makeResult({ name: "x", unit: "ms", targets: [{ peer: "Nobody", ratio: 1 }] }, [1], {})).toThrow(
      "Nobody"
    )
  })
})

describe("a report", () => {
  it("is read back from its JSON as it was written, and nothing else is taken for one", () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-"))
    const file = join(folder, "report.json")
    const written = report([300], [100])
    writeFileSync(file, JSON.stringify(written))
    expect(readReport(file)).toStrictEqual(written)
    writeFileSync(file, JSON.stringify({ ...written, results: [{ name: "group/figure" }] }))
    expect(() => readReport(file)).toThrow("no benchmark report")
  })
})

describe("the comparison", () => {
  it("names a figure that fell behind its peers by more than the noise", () => {
    const changes = compare(report([300, 300, 300], [100, 100, 100]), report([200, 200, 200], [100, 100, 100]))
    expect(changes).toMatchObject([{ name: "group/figure", verdict: "slower" }])
    expect(changes[0]?.factor).toBeCloseTo(2 / 3)
  })

  it("does not call a slower machine a slower package", () => {
    expect(compare(report([300], [100]), report([150], [50]))).toMatchObject([{ verdict: "same" }])
  })

  it("allows as much as the rounds themselves lie apart", () => {
    const before = report([300, 200, 400], [100, 100, 100])
    expect(compare(before, report([240, 160, 320], [100, 100, 100]))).toMatchObject([{ verdict: "same" }])
    expect(compare(report([300], [100]), report([240], [100]))).toMatchObject([{ verdict: "slower" }])
    expect(compare(report([300], [100, 60, 140]), report([240], [100, 60, 140]))).toMatchObject([{ verdict: "same" }])
  })

  it("sees a larger memory figure as slower", () => {
    expect(compare(report([100], [300], "bytes"), report([200], [300], "bytes"))).toMatchObject([{ verdict: "slower" }])
  })

  it("tells how far apart the ratios of two runs are, whichever is larger, the worst first", () => {
    const ratios = ratioChanges(report([300], [100]), report([240], [100]))
    expect(ratios).toStrictEqual([
      { name: "group/figure", peer: "Peer", factor: expect.closeTo(0.8) },
      { name: "group/figure", peer: "limit: plain", factor: expect.closeTo(0.8) }
    ])
    expect(ratios.map(distance)).toStrictEqual([expect.closeTo(0.25), expect.closeTo(0.25)])
    const [first] = ratioChanges(report([240], [100]), report([300], [50]))
    expect(first).toStrictEqual({ name: "group/figure", peer: "Peer", factor: expect.closeTo(2.5) })
    expect(ratioChanges({ ...report([1], [1]), results: [] }, report([1], [1]))).toStrictEqual([])
  })

  it("leaves out a ratio to a fixed time, which is as fast or slow as the host; a size it compares", () => {
    const timed = (own: ReadonlyArray<number>): Report => ({
      ...report([1], [1]),
      results: [
        makeResult({ name: "startup", unit: "ms", targets: [] }, own, { "1.5 s": [1500, 1500], node: [30, 45] })
      ]
    })
    const [before, after] = [timed([300, 450]), timed([400, 600])]
    expect(before.results[0]).toMatchObject({
      uncertainty: 0,
      peers: { "1.5 s": { ratio: expect.closeTo((5 + 10 / 3) / 2) } }
    })
    expect(ratioChanges(before, after)).toStrictEqual([{ name: "startup", peer: "node", factor: expect.closeTo(0.75) }])
    expect(compare(before, after)).toMatchObject([{ factor: expect.closeTo(0.75) }])
    expect(ratioChanges(report([100], [300], "bytes"), report([200], [300], "bytes"))).toHaveLength(2)
  })

  it("leaves out what only one report holds", () => {
    expect(compare({ ...report([1], [1]), results: [] }, report([1], [1]))).toStrictEqual([])
  })
})

describe("the README section", () => {
  const section = performanceSection(report([3_000_000], [1_000_000]))

  it("names machine, date and versions, and each figure with its best peer, ratio and limit", () => {
    expect(section).toContain("Test CPU, 2 cores, 24 GiB, Linux (x64), 2026-01-02")
    expect(section).toContain("Versions: node 24.0.0, effect 4.1.0.")
    expect(section).toContain("| `group/figure` | 3.00 M/s | Peer 1.00 M/s | 3.00× | plain 1.00 k/s |")
  })

  it("says with which flags Node ran", () => {
    const made = report([1], [1])
    expect(section).not.toContain("all contenders under")
    expect(performanceSection({ ...made, machine: { ...made.machine, nodeFlags: "--a --b" } })).toContain(
      ", all contenders under `node --a --b`. A figure"
    )
  })

  it("replaces what is between the markers and nothing else", () => {
    const readme = "# Title\n<!-- performance:start -->\nold\n<!-- performance:end -->\nrest\n"
    const once = replaceSection(readme, "new")
    expect(once).toBe("# Title\n<!-- performance:start -->\n\nnew\n\n<!-- performance:end -->\nrest\n")
    expect(replaceSection(once, "new")).toBe(once)
    expect(() => replaceSection("# Title\n", "new")).toThrow("markers")
  })
})

describe("a chart", () => {
  it("draws one bar a contender, scaled to the longest, with names escaped", () => {
    const result = makeResult({ name: "group/<figure>", unit: "ops/s", targets: [] }, [50], { "A & B": [100] })
    const svg = chart(result)
    expect(svg.match(/<rect [^>]*rx/g)).toHaveLength(2)
    expect(svg).toContain("A &amp; B")
    expect(svg).toContain("group/&lt;figure>")
    const [own, peer] = [...svg.matchAll(/width="([\d.]+)" height="22"/g)].map(([, width]) => Number(width))
    expect(own! * 2).toBeCloseTo(peer!)
  })

  it("draws the points of a growth curve in one file, and every other figure in its own", () => {
    const point = (name: string, own: number) =>
      makeResult({ name, unit: "ops/s", targets: [] }, [own], { loop: [own] })
    const files = charts([point("growth/backlog-10", 1e6), point("growth/backlog-1000", 1e5), point("core/wake", 1e6)])
    expect([...files.keys()]).toStrictEqual(["core-wake.svg", "growth-backlog.svg"])
    const points = [...files.get("growth-backlog.svg")!.matchAll(/points="([^"]+)"/g)].map(([, points]) => points)
    // A microsecond at the bottom of the chart, ten at its top.
    expect(points).toStrictEqual(["70.0,280.0 570.0,44.0", "70.0,280.0 570.0,44.0"])
  })
})
