import { describe, expect, it } from "vitest"
import { calmest } from "../src/Measure.ts"
import * as Probe from "../src/Probe.ts"

describe("a contender that takes turns", () => {
  it("counts the turns in which a neighbour slowed the processor least, until they make up the time", () => {
    const [slow, calm, busy, fine] = [
      { batches: 5, millis: 100, slowdown: 2 },
      { batches: 9, millis: 100, slowdown: 1 },
      { batches: 4, millis: 100, slowdown: 3 },
      { batches: 8, millis: 120, slowdown: 1.1 }
    ]
    expect(calmest([slow!, calm!, busy!, fine!], 250)).toEqual([calm, fine, slow])
    expect(calmest([slow!, calm!], 250)).toEqual([calm, slow])
    expect(calmest([slow!, busy!], 0)).toEqual([])
  })
})

describe("the probe", () => {
  it("tells how much slower the processor is than at the best that is known", () => {
    Probe.prepare()
    expect(Probe.slowdown()).toBeGreaterThanOrEqual(1)
    Probe.learn(Probe.known() / 100)
    expect(Probe.slowdown()).toBeGreaterThan(50)
  })
})
