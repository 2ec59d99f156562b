import { describe, expect, it } from "vitest"
import { parse, parseInline } from "../../web/src/Markdown.ts"

describe("Markdown", () => {
  it("knows paragraphs, headings, lists, quotes, tables and code", () => {
    const text =
      "# Zoo\n\nOne\ntwo.\n\n- a\n- b\n  more\n\n1. c\n\n> q\n\n| x | y |\n| - | - |\n| 1 | 2 |\n\n```ts\nlet a\n\nlet b\n```"
    expect(parse(text).map((block) => block.type)).toEqual([
      "heading",
      "paragraph",
      "list",
      "list",
      "quote",
      "table",
      "code"
    ])
    expect(parse(text).at(-1)).toEqual({ type: "code", language: "ts", text: "let a\n\nlet b" })
  })

  it("shows code whose end has not arrived yet", () => {
    expect(parse("```ts\nlet a")).toEqual([{ type: "code", language: "ts", text: "let a" }])
  })

  it("comes to an end with whatever text", () => {
    for (const text of ["|", "#", "- ", ">", "```", "** [", "\n\n", "  - a\n\tb", "####### x", "[1](", "1)"]) {
      expect(() => parse(text)).not.toThrow()
    }
  })

  it("follows links over http alone", () => {
    expect(parseInline("[a](https://a.example) [b](javascript:alert(1)) [c](./c.md)")).toEqual([
      { type: "link", text: "a", href: "https://a.example" },
      { type: "text", text: " " },
      { type: "text", text: "b" },
      { type: "text", text: ") " },
      { type: "text", text: "c" }
    ])
  })

  it("tells citations from text and code", () => {
    expect(parseInline("Meat [2], not `a[1]`.")).toEqual([
      { type: "text", text: "Meat " },
      { type: "citation", number: 2 },
      { type: "text", text: ", not " },
      { type: "code", text: "a[1]" },
      { type: "text", text: "." }
    ])
  })
})
