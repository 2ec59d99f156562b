import { assert, describe, it } from "@effect/vitest"
import * as DocumentPassages from "../../src/library/DocumentPassages.ts"

const places = (file: string, text: string) =>
  DocumentPassages.split(file, text).map((_) => `${_.firstLine}-${_.lastLine} ${_.headings.join(" > ")}`)

describe("DocumentPassages.split of Markdown", () => {
  it("gives each section its lines and the headings above it", () => {
    const text =
      "Before.\n\n# A `title`\n\n## First *part*\n\nText.\n\n### Deep\nMore.\n\n## [Second](x.md) ##\n\nEnd.\n"
    assert.deepStrictEqual(places("a.md", text), [
      "1-1 ",
      "5-7 A title > First part",
      "9-10 A title > First part > Deep",
      "12-14 A title > Second"
    ])
  })

  it("takes no heading out of a code block", () => {
    assert.deepStrictEqual(places("a.md", "# A\n```sh\n# not a heading\n```\n~~~\n```\n# nor this\n~~~\ntext"), [
      "1-9 A"
    ])
  })

  it("keeps a heading that nothing follows", () => {
    assert.deepStrictEqual(places("a.md", "# A\n\n# B\n"), ["1-1 A", "3-3 B"])
  })

  it("divides a long section between paragraphs", () => {
    const paragraph = "A sentence of some words. ".repeat(40)
    const passages = DocumentPassages.split("a.md", `# A\n\n${Array(6).fill(paragraph).join("\n\n")}`)
    assert.deepStrictEqual(
      passages.map((_) => [_.firstLine, _.lastLine]),
      [
        [1, 5],
        [7, 9],
        [11, 13]
      ]
    )
  })

  it("bounds passages of endless lines, lists and open fences", () => {
    for (const text of ["x".repeat(50_000), "- item\n".repeat(10_000), "```\n" + "code\n".repeat(10_000)]) {
      const passages = DocumentPassages.split("a.md", text)
      assert.isAbove(passages.length, 5)
      assert.isTrue(passages.every((_) => _.text.length <= 6000))
      assert.isTrue(passages.every((_) => _.lastLine - _.firstLine < 2000))
      assert.strictEqual(
        passages
          .map((_) => _.text)
          .join("")
          .replace(/\n/g, ""),
        text.replace(/\n/g, "")
      )
    }
  })

  it("comes to the end of a hostile heading or title", () => {
    const gap = " ".repeat(200_000)
    const lengths = [`# a${gap}b`, `---\ntitle: a${gap}b\n---\ntext`, `# a ${"#".repeat(200_000)}b`].map(
      (text) => DocumentPassages.split("a.md", text)[0]?.headings[0]?.length
    )
    assert.deepStrictEqual(lengths, [200_002, 200_002, 200_003])
  })

  it("reads the title out of front matter and nothing else", () => {
    const text = "---\ntitle: 'The title'\nlayout: page\n---\n\nText."
    assert.deepStrictEqual(places("a.md", text), ["6-6 The title"])
    assert.notInclude(DocumentPassages.split("a.md", text)[0]?.text, "layout")
  })

  it("counts lines alike with Windows line ends and a byte order mark", () => {
    assert.deepStrictEqual(places("a.md", "\uFEFF# A\r\n\r\nText.\r\n\r\n# B\r\nMore."), ["1-3 A", "5-6 B"])
  })

  it("finds nothing in nothing", () => {
    assert.deepStrictEqual(places("a.md", ""), [])
    assert.deepStrictEqual(places("a.md", " \n\n \n"), [])
    assert.deepStrictEqual(places("a.ts", ""), [])
  })
})

describe("DocumentPassages.split of TypeScript", () => {
  const module = `/**
 * Passes values between fibers, see {@link bounded}.
 *
 * @since 1.0.0
 */
import * as A from "./A.ts"

/**
 * Creates a bounded queue.
 *
 * \`\`\`ts import.meta.vitest
 * Queue.bounded(5)
 * \`\`\`
 *
 * @category constructors
 */
export const bounded = (capacity: number) => make({ capacity })

/** Takes a value. */
export const take: {
  /** Takes a value. */
  <A>(self: Queue<A>): A
} = impl

/**
 * Nobody else's business.
 *
 * @internal
 */
export const secret = 1

/** A queue. */
export interface Queue<A> {
  /** How many it holds. */
  readonly capacity?: number
}
`

  it("takes the header and the comment of each declaration and member once", () => {
    assert.deepStrictEqual(places("src/Queue.ts", module), [
      "1-5 Queue",
      "8-17 Queue > bounded",
      "19-20 Queue > take",
      "32-33 Queue > Queue",
      "34-35 Queue > Queue > capacity"
    ])
  })

  it("gives their text as Markdown without stars and tags", () => {
    const passages = DocumentPassages.split("src/Queue.ts", module)
    assert.strictEqual(passages[0]?.text, "Passes values between fibers, see `bounded`.")
    assert.strictEqual(passages[1]?.text, "Creates a bounded queue.\n\n```ts\nQueue.bounded(5)\n```")
  })

  it("takes the code itself where it is an example", () => {
    const example =
      '/**\n * @title Running things\n *\n * How to run.\n */\nimport { Effect } from "effect"\n\nEffect.runFork(x)\n'
    const passages = DocumentPassages.split("10_run.ts", example)
    assert.deepStrictEqual(
      passages.map((_) => [_.firstLine, _.lastLine, _.headings[0], _.text]),
      [
        [1, 5, "Running things", "How to run."],
        [6, 8, "Running things", '```ts\nimport { Effect } from "effect"\n\nEffect.runFork(x)\n```']
      ]
    )
  })

  it("leaves out what a barrel repeats", () => {
    assert.deepStrictEqual(
      places("index.ts", '/** The A. */\nexport * as A from "./A.ts"\n\n/** b */\nexport const b = 1'),
      ["4-5 index > b"]
    )
  })

  it("survives a comment that is never closed", () => {
    assert.deepStrictEqual(places("a.ts", "/** open\n * and on"), ["1-2 a"])
  })
})
