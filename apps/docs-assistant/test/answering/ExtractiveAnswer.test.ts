import { assert, describe, it } from "@effect/vitest"
import * as ExtractiveAnswer from "../../src/answering/ExtractiveAnswer.ts"
import type { FoundPassage } from "../../src/library/Passage.ts"

const passage = (text: string, overrides: Partial<FoundPassage> = {}): FoundPassage => ({
  file: "a.md",
  firstLine: 1,
  lastLine: 9,
  heading: "Zoo",
  text,
  score: 10,
  ...overrides
})

describe("ExtractiveAnswer.compose", () => {
  it("takes the sentences that fit the question, in their order, and says where they stand", () => {
    const text = "# Zoo\n\nIt opens at nine. Penguins eat fish.\n\n- Lions eat meat.\n- Penguins are fed at noon."
    assert.strictEqual(
      ExtractiveAnswer.compose("When are penguins fed?", [passage(text)]),
      "Penguins eat fish. Penguins are fed at noon. (Zoo, a.md:1-9)"
    )
  })

  it("shows one example, whole", () => {
    const code = "```ts\nfeed(penguins)\n```"
    const answer = ExtractiveAnswer.compose("feed penguins", [
      passage(`Penguins are fed so.\n\n${code}`),
      passage(`Penguins again.\n\n\`\`\`ts\nother()\n\`\`\``)
    ])
    assert.include(answer, code)
    assert.notInclude(answer, "other()")
  })

  it("leaves out what fits much less well than the best", () => {
    const answer = ExtractiveAnswer.compose("penguins", [
      passage("Penguins swim well."),
      passage("Penguins are mentioned here.", { score: 4 })
    ])
    assert.notInclude(answer, "mentioned")
  })

  it("comes to the end of hostile text", () => {
    const text = [`${"a".repeat(50_000)} ${"1 ".repeat(50_000)}`, "\n".repeat(100_000), "[".repeat(100_000)].join("b\n")
    assert.isTrue(ExtractiveAnswer.compose("b", [passage(text)]).includes("a.md:1-9"))
  })

  it("says so when there is nothing", () => {
    assert.strictEqual(ExtractiveAnswer.compose("penguins", []), "The documents say nothing about this.")
  })

  it("names the place when the passage has no sentence", () => {
    assert.strictEqual(ExtractiveAnswer.compose("a", [passage("| a |\n| - |")]), "See a.md:1-9.")
  })
})
