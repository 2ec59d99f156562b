/**
 * Answers a question in the documents' own words: the sentences that fit it best, the first example, and where they stand.
 */
import * as MarkdownPassages from "../library/MarkdownPassages.ts"
import type { FoundPassage } from "../library/Passage.ts"
import * as Words from "../library/Words.ts"

const fence = /^[ \t]*```[^\n]*\n[^]*?^[ \t]*```[ \t]*$/gm
const maxCodeLines = 30

/**
 * The sentences of Markdown prose, without its marks.
 */
const sentences = (markdown: string): Array<string> =>
  MarkdownPassages.withoutLinks(
    markdown
      .replace(fence, "\n\n")
      .replace(/^[ \t]*#{1,6}\s.*$|^[ \t]*\|.*$|^[ \t]*\*\*[^*\n]*\*\*[^.\n]*$/gm, "\n")
      .replace(/^[ \t]*(?:[-*+]|\d+\.|>)[ \t]+/gm, "\n\n")
  )
    .replace(/\*\*/g, "")
    .split(/\n\s*\n/)
    .flatMap((paragraph) =>
      paragraph
        .replace(/\s+/g, " ")
        .trim()
        .split(/(?<=[.!?])\s+(?=[\p{Lu}`"(])/u)
    )
    .filter((sentence) => sentence.split(" ").filter((word) => /\p{L}/u.test(word)).length > 1)

const fit = (sentence: string, words: ReadonlySet<string>): number => {
  let fits = 0
  const has = new Set(Words.ofText(sentence))
  for (const word of words) if (has.has(word)) fits++
  return fits
}

const best = (text: string, words: ReadonlySet<string>, count: number): Array<string> =>
  sentences(text)
    // Documents say first what they are about: of two sentences that fit equally the earlier one wins.
    .map((sentence, at) => ({ sentence, at, fits: fit(sentence, words) - at * 0.05 }))
    .sort((a, b) => b.fits - a.fits)
    .slice(0, count)
    .sort((a, b) => a.at - b.at)
    .map((_) => _.sentence)

const place = (passage: FoundPassage): string => {
  const lines =
    passage.firstLine === passage.lastLine ? `${passage.firstLine}` : `${passage.firstLine}-${passage.lastLine}`
  return `${passage.file}:${lines}`
}

/**
 * The answer to a question that stands in the passages found for it, best first: Markdown, with the places it is taken from.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compose = (question: string, passages: ReadonlyArray<FoundPassage>): string => {
  const top = passages[0]
  if (top === undefined) return "The documents say nothing about this."
  const words = new Set(Words.ofText(question))
  const parts: Array<string> = []
  let code: string | undefined
  for (const passage of passages.slice(0, 3)) {
    // What fits much less well than the best is more likely to mislead than to help.
    if (passage.score < top.score * 0.5) break
    const said = best(passage.text, words, passage === top ? 2 : 1).join(" ")
    const example = passage.text.match(fence)?.[0]
    if (code === undefined && example !== undefined && example.split("\n").length <= maxCodeLines) code = example
    if (said !== "") parts.push(`${said} (${passage.heading === "" ? "" : `${passage.heading}, `}${place(passage)})`)
  }
  if (code !== undefined) parts.splice(1, 0, code)
  return parts.length > 0 ? parts.join("\n\n") : `See ${place(top)}.`
}
