/**
 * Takes the documentation out of a TypeScript module: its header and the JSDoc of each declaration and member. A module that
 * documents no declaration is an example, and its code itself is the passage.
 */
import * as MarkdownPassages from "./MarkdownPassages.ts"
import type { Passage } from "./Passage.ts"

const declaration =
  /^\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type|namespace|enum)\s+([\p{L}\p{N}_$]+)/u
const member =
  /^\s+(?:(?:readonly|static|override|public|abstract|get|set)\s+)*([\p{L}_$][\p{L}\p{N}_$]*)\??\s*[:(<,=]/u
const alias = /^\s+[\p{L}_$][\p{L}\p{N}_$]*\s+as\s+([\p{L}\p{N}_$]+)/u

const nameOf = (line: string, nested: boolean): string | undefined =>
  (declaration.exec(line) ?? alias.exec(line) ?? (nested ? member.exec(line) : null))?.[1]

const link = /\{@link(?:code|plain)?\s+([^}|\s]+)\s*\|?\s*([^}]*)\}/g
const linkText = (_: string, target: string, label: string): string =>
  label.trim() === "" ? `\`${target}\`` : label.trim()

/**
 * The text of a JSDoc comment as Markdown: no stars, no tags but those a reader wants, links by their name.
 */
const clean = (lines: ReadonlyArray<string>): { readonly text: string; readonly title: string | undefined } => {
  const kept: Array<string> = []
  let title: string | undefined
  // Plain comparisons come before the patterns: a large package has a hundred thousand of these lines.
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i]!.trim()
    if (i === 0) line = line.slice(3)
    if (i === lines.length - 1 && line.endsWith("*/")) line = line.slice(0, -2).trimEnd()
    if (i > 0 && line.startsWith("*")) line = line.slice(1)
    if (line.startsWith(" ")) line = line.slice(1)
    if (line.includes("{@link")) line = line.replace(link, linkText)
    if (line.startsWith("```")) line = line.replace(/^(```\w*).*$/, "$1")
    const tag = line.startsWith("@") ? /^@(\w+)\s*(.*)$/.exec(line) : null
    if (tag === null) kept.push(line)
    else if (tag[1] === "title") title = tag[2]!.trim()
    else if (tag[1] === "see") kept.push(`See ${tag[2]!}`)
    else if (tag[1] === "deprecated") kept.push(`Deprecated: ${tag[2]!}`)
    else if (tag[1] === "param" || tag[1] === "returns") kept.push(tag[2]!)
  }
  return { text: kept.join("\n").trim(), title }
}

const baseName = (file: string): string => file.slice(file.lastIndexOf("/") + 1).replace(/\.[cm]?tsx?$/, "")

/**
 * The passages of a TypeScript module, in order.
 *
 * @category combinators
 * @since 0.1.0
 */
export const split = (file: string, lines: ReadonlyArray<string>): Array<Passage> => {
  const module = baseName(file)
  const passages: Array<Passage> = []
  let parent = ""
  let title = module
  let headerEnd = 0
  let documented = 0

  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (!line.trimStart().startsWith("/**")) {
      if (line !== "" && !/^[\s/*})]/.test(line)) parent = declaration.exec(line)?.[1] ?? parent
      continue
    }
    const first = i
    while (i < lines.length - 1 && !lines[i]!.includes("*/")) i++
    const comment = lines.slice(first, i + 1)
    if (comment.some((_) => _.includes("@internal"))) continue
    const { text, title: titled } = clean(comment)
    let next = i + 1
    while (next < lines.length && lines[next]!.trim() === "") next++
    const subject = lines[next] ?? ""
    const nested = /^\s/.test(line)
    const name = nameOf(subject, nested)
    const barrel = /^export\s+\*/.test(subject) && next === i + 1
    const firstDoc = passages.length === 0 && !nested && !barrel
    const isHeader = firstDoc && (titled !== undefined || next > i + 1 || name === undefined)
    if (!nested && name !== undefined) parent = name
    if (text === "") continue
    if (isHeader) {
      title = titled ?? module
      headerEnd = i + 1
    } else {
      // A barrel repeats the headers of the modules that it exports.
      // Nor has the overload of a function, which repeats its documentation, a name.
      if (barrel || name === undefined) continue
      documented++
    }
    passages.push({
      file,
      firstLine: first + 1,
      lastLine: isHeader ? i + 1 : Math.min(next + 1, lines.length),
      headings: isHeader
        ? [title]
        : nested && parent !== name
          ? [title, parent, name!].filter(Boolean)
          : [title, name!],
      text
    })
  }

  if (documented > 0) return passages
  const code = lines.map((line, index) => (index < headerEnd ? "" : line))
  for (const part of MarkdownPassages.split(file, code)) {
    passages.push({ ...part, headings: [title], text: "```ts\n" + part.text + "\n```" })
  }
  return passages
}
