import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

/**
 * One runnable piece of documentation: the lines of a fenced `ts` block, each at the line number it has in its file, so
 * that what a compiler or a stack trace says about the extracted file is true of the document.
 */
export interface Example {
  /** Path of the document, relative to the repository. */
  readonly file: string
  /** Line of the first line of code, from 1. */
  readonly line: number
  /** `false` for a block fenced as `ts no-run`: it is type-checked only. */
  readonly runs: boolean
  /** The code by line number. */
  readonly code: ReadonlyMap<number, string>
}

/** A block that cannot be extracted, with the reason. */
export interface Malformed {
  readonly file: string
  readonly line: number
  readonly message: string
}

interface Line {
  readonly number: number
  readonly text: string
}

const fence = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/
const languages = new Set(["ts", "typescript"])
const flags = new Set(["no-run", "continues"])

/** The examples in the given lines of a document. */
const scan = (file: string, lines: Iterable<Line>, examples: Array<Example>, malformed: Array<Malformed>) => {
  let open: { marker: string; indent: string; code: Map<number, string> | undefined; line: number } | undefined
  let previous: Map<number, string> | undefined
  for (const { number, text } of lines) {
    const match = fence.exec(text)
    if (open !== undefined) {
      if (match !== null && match[3] === "" && match[2]?.startsWith(open.marker)) {
        open = undefined
      } else {
        open.code?.set(number, text.startsWith(open.indent) ? text.slice(open.indent.length) : text.trimStart())
      }
      continue
    }
    if (match === null) continue
    const [, indent = "", marker = "", info = ""] = match
    const [language = "", ...words] = info.split(/\s+/)
    open = { marker, indent, code: undefined, line: number }
    if (!languages.has(language)) continue
    const unknown = words.find((word) => !flags.has(word))
    if (unknown !== undefined) {
      malformed.push({ file, line: number, message: `unknown word "${unknown}" after the fence` })
      continue
    }
    if (words.includes("continues")) {
      if (previous === undefined) {
        malformed.push({ file, line: number, message: "there is no example before this one to continue" })
      }
      open.code = previous
      continue
    }
    previous = new Map()
    open.code = previous
    examples.push({ file, line: number + 1, runs: !words.includes("no-run"), code: previous })
  }
  if (open !== undefined) malformed.push({ file, line: open.line, message: "the fence is never closed" })
}

const linesOf = (text: string): Array<Line> =>
  text.split("\n").map((line, index) => ({ number: index + 1, text: line }))

/** The examples of a Markdown document. */
export const fromMarkdown = (file: string, text: string, examples: Array<Example>, malformed: Array<Malformed>) =>
  scan(file, linesOf(text), examples, malformed)

/** The examples in the documentation comments of a TypeScript module. */
export const fromSource = (file: string, text: string, examples: Array<Example>, malformed: Array<Malformed>) => {
  let comment: Array<Line> | undefined
  for (const { number, text: line } of linesOf(text)) {
    if (comment === undefined && /^\s*\/\*\*(?!.*\*\/)/.test(line)) {
      comment = []
    } else if (comment !== undefined && /^\s*\*\//.test(line)) {
      const before = examples.length
      scan(file, comment, examples, malformed)
      const tag = comment.find((each) => each.text.startsWith("@example"))
      if (tag !== undefined && examples.length === before) {
        malformed.push({ file, line: tag.number, message: "an @example holds a fenced ts block" })
      }
      comment = undefined
    } else if (comment !== undefined) {
      comment.push({ number, text: line.replace(/^\s*\* ?/, "") })
    }
  }
}

const documents = ["README.md", "packages/*/README.md", "apps/*/README.md", "docs/**/*.md"]
const sources = ["packages/*/src/**/*.ts"]

/** Every example of the repository at `root` whose path begins with one of `prefixes` (all when there is none). */
export const collect = (root: string, prefixes: ReadonlyArray<string> = []) => {
  const examples: Array<Example> = []
  const malformed: Array<Malformed> = []
  const wanted = (file: string) => prefixes.length === 0 || prefixes.some((prefix) => file.startsWith(prefix))
  const files = (patterns: Array<string>) =>
    globSync(patterns, { cwd: root, exclude: (name) => name.includes("node_modules") })
      .filter(wanted)
      .toSorted()
  for (const file of files(documents)) {
    fromMarkdown(file, readFileSync(join(root, file), "utf8"), examples, malformed)
  }
  for (const file of files(sources)) {
    fromSource(file, readFileSync(join(root, file), "utf8"), examples, malformed)
  }
  return { examples, malformed }
}
