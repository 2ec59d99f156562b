import { describe, expect, it } from "vitest"
import type { Case } from "../src/Case.ts"
import { findCase } from "../src/Cases.ts"
import { takeRound } from "../src/Sample.ts"

const options = { quick: true, nodeFlags: [] }

const named = (name: string): Case => ({
  name,
  measures: "Nothing.",
  unit: "ops/s",
  ours: () => Promise.resolve(1),
  peers: {},
  targets: []
})

describe("a round", () => {
  it("takes a sample of each contender, in turns", async () => {
    const { samples } = await takeRound(await findCase("mailbox/burst"), ["ours", "Queue"], options)
    expect(Object.keys(samples)).toStrictEqual(["ours", "Queue"])
    for (const sample of Object.values(samples)) expect(sample).toBeGreaterThan(1000)
  })

  it("has one that takes no turns do its work when it is started", async () => {
    const { samples } = await takeRound(await findCase("size/mailbox"), ["ours"], options)
    expect(samples["ours"]).toBeGreaterThan(1000)
  })

  it("fails with what a contender that ends without a sample has said", async () => {
    await expect(takeRound(await findCase("mailbox/burst"), ["ours", "nobody"], options)).rejects.toThrow(
      /mailbox\/burst, nobody: ended with 1[^]*no contender "nobody"/
    )
    await expect(takeRound(named("no/case"), ["ours"], options)).rejects.toThrow(/no\/case, ours: ended with 1/)
  })
})
