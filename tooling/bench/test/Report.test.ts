import { describe, expect, it } from "vitest"
import { compare } from "../src/Compare.ts"
import { chart, charts } from "../src/Chart.ts"
import { performanceSection, replaceSection } from "../src/Readme.ts"
import { makeResult, readReport, type Report } from "../src/Report.ts"
import { median, spread, summarize } from "../src/Statistics.ts"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const report = (
  own: ReadonlyArray<number>,
  peer: ReadonlyArray<number>,
  unit: "ops/s" | "bytes" = "ops/s"
): Report => ({
  machine: { cpu: "Test CPU", cores: 2, memoryGiB: 24, os: "Linux", arch: "x64", date: "2026-01-02T00:00:00Z" },
  versions: { node: "24.0.0", effect: "4.1.0", "@agent-runtime/mailbox": "0.0.0" },
  results: [
    makeResult({ name: "group/figure", unit, targets: [{ peer: "Peer", ratio: 2 }] }, own, {
      Peer: peer,
      "limit: plain": [1000, 1000, 1000]
    })
  ]
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
      targets: [{ peer: "Peer", ratio: 2, met: true }]
    })
    expect(report([199], [100]).results[0]?.targets[0]?.met).toBe(false)
    expect(report([200], [100]).results[0]?.targets[0]?.met).toBe(true)
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
