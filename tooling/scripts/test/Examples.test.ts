import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { checkExamples, type Outcome } from "../src/examples/checkExamples.ts"
import { type Example, fromMarkdown, fromSource, type Malformed } from "../src/examples/Example.ts"

const parse = (read: typeof fromMarkdown, text: string) => {
  const examples: Array<Example> = []
  const malformed: Array<Malformed> = []
  read("file", text, examples, malformed)
  return { examples: examples.map(({ line, runs, code }) => ({ line, runs, code: [...code] })), malformed }
}

describe("Example", () => {
  it("finds the ts blocks of a document and leaves the others", () => {
    const text = "```sh\nnpx x\n```\n\n  ```ts\n  const a = 1\n    a\n  ```\n\n````md\n```ts\nno\n```\n````\n"
    assert.deepStrictEqual(parse(fromMarkdown, text).examples, [
      {
        line: 6,
        runs: true,
        code: [
          [6, "const a = 1"],
          [7, "  a"]
        ]
      }
    ])
  })

  it("joins a block that continues to the one before it, each line at its place", () => {
    const text = "```ts no-run\nconst a = 1\n```\ntext\n```ts continues\na\n```\n"
    assert.deepStrictEqual(parse(fromMarkdown, text).examples, [
      {
        line: 2,
        runs: false,
        code: [
          [2, "const a = 1"],
          [6, "a"]
        ]
      }
    ])
  })

  it("finds the blocks of documentation comments", () => {
    const text =
      "/** one line */\n/**\n * Text.\n *\n * @example\n * ```ts\n * one()\n *   two()\n * ```\n */\nconst x = 1\n"
    assert.deepStrictEqual(parse(fromSource, text).examples, [
      {
        line: 7,
        runs: true,
        code: [
          [7, "one()"],
          [8, "  two()"]
        ]
      }
    ])
  })

  it("refuses what would otherwise be skipped in silence", () => {
    const messages = (read: typeof fromMarkdown, text: string) =>
      parse(read, text).malformed.map((each) => each.message)
    assert.deepStrictEqual(messages(fromMarkdown, "```ts norun\n```\n"), ['unknown word "norun" after the fence'])
    assert.deepStrictEqual(messages(fromMarkdown, "```ts\n"), ["the fence is never closed"])
    assert.deepStrictEqual(messages(fromMarkdown, "```ts continues\n```\n"), [
      "there is no example before this one to continue"
    ])
    assert.deepStrictEqual(messages(fromSource, "/**\n * @example\n * one()\n */\n"), [
      "an @example holds a fenced ts block"
    ])
  })
})

describe("checkExamples", () => {
  const repository = join(import.meta.dirname, "../../..")
  let root: string
  let outcome: Outcome

  const block = (...lines: ReadonlyArray<string>) => `\`\`\`ts\n${lines.join("\n")}\n\`\`\`\n`

  const documents: Record<string, string> = {
    "README.md": block(`import { Effect } from "effect"`, `console.log(Effect.runSync(Effect.succeed(1)))`),
    "docs/mistyped.md": "text\n" + block("const a = 1", "export const b: string = a"),
    "docs/guide/throws.md": block("console.log('before')", "throw new Error('thrown')"),
    "docs/rejects.md": block(`setTimeout(() => Promise.reject(new Error("rejected")), 10)`),
    "docs/waits.md": block("await new Promise(() => {})"),
    "docs/hangs.md": block("setInterval(() => {}, 1000)"),
    "docs/exits.md": block("process.exit(3)"),
    "docs/code.md": block("process.exitCode = 4"),
    "docs/exits-well.md": block("process.exit(0)"),
    "docs/norun.md": "```ts no-run\nthrow new Error()\n```\n",
    "docs/tested.md": block(`import { assert, it } from "vitest"`, `it("fails", () => assert.strictEqual(1 + 1, 3))`),
    "packages/mailbox/src/Mailbox.ts": "/**\n * @example\n * ```ts\n * const a: number = ''\n * ```\n */\n",
    "packages/mailbox/README.md": block("const z = 1", "console.log(z)")
  }

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "examples-test-"))
    for (const [file, text] of Object.entries(documents)) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    for (const name of ["node_modules", "tsconfig.base.json", "vitest.config.ts"]) {
      symlinkSync(join(repository, name), join(root, name))
    }
    writeFileSync(join(root, "package.json"), `{ "type": "module" }`)
    outcome = await checkExamples({ root, shared: "shared", timeout: 10_000 })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const failure = (file: string) => outcome.failures.filter((each) => each.file === file)

  it.for([
    ["docs/mistyped.md", 4, "TS2322"],
    ["docs/guide/throws.md", 2, "thrown"],
    ["docs/rejects.md", 2, "rejected"],
    ["docs/waits.md", 2, "never happens"],
    ["docs/hangs.md", 2, "still runs after 10000 ms"],
    ["docs/exits.md", 2, "code 3"],
    ["docs/code.md", 2, "exit code 4"],
    ["docs/tested.md", 2, "expected 2 to equal 3"],
    ["packages/mailbox/src/Mailbox.ts", 4, "TS2322"]
  ] as const)("reports %s:%i, %s", ([file, line, message]) => {
    const [first, ...others] = failure(file)
    assert.isDefined(first, JSON.stringify(outcome))
    assert.deepStrictEqual(others, [])
    assert.strictEqual(first.line, line)
    assert.include(first.message, message)
  })

  it("shows what a failing example printed, and names the document in its stack", () => {
    const [first] = failure("docs/guide/throws.md")
    assert.include(first?.message, "before")
    assert.match(first?.message ?? "", /docs\/guide\/throws\.md:3:/)
  })

  it("accepts the others and counts all", () => {
    assert.strictEqual(outcome.failures.length, 9)
    assert.strictEqual(outcome.run, 12)
    assert.strictEqual(outcome.typeCheckedOnly, 1)
  })

  it("leaves nothing behind", () => {
    assert.notInclude(readdirSync(join(root, "packages/mailbox")), ".examples")
  })
})
