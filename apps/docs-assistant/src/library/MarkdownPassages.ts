/**
 * Takes Markdown and plain text apart: a passage for each heading's section, and where a section is long one for each group
 * of paragraphs that fits.
 */
import type { Passage } from "./Passage.ts"

/**
 * Sections longer than this many characters are divided between paragraphs.
 */
const targetLength = 1500

/**
 * No passage is longer than this many characters: a table, a fence or a single line that is longer is divided anyway.
 */
const maxLength = 6000

// What a document makes these read twice would be read for seconds: they go through a line once.
const heading = /^ {0,3}(#{1,6})\s+([^]*)$/
const fence = /^\s*(`{3,}|~{3,})/

/**
 * Markdown with the texts of its links in place of the links.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutLinks = (text: string): string => text.replace(/\[([^[\]]*)\]\([^()]*\)/g, "$1")

/**
 * A heading's text without what says nothing to a reader: the closing marks, emphasis, code marks and the targets of links.
 */
const plain = (text: string): string => {
  let end = text.trimEnd().length
  while (text[end - 1] === "#") end--
  return withoutLinks(text.slice(0, end)).replace(/[*`]/g, "").trim()
}

/**
 * The passages of a Markdown document, in order. Plain text is Markdown without headings.
 *
 * @category combinators
 * @since 0.1.0
 */
export const split = (file: string, lines: ReadonlyArray<string>): Array<Passage> => {
  const passages: Array<Passage> = []
  const trail: Array<{ readonly level: number; readonly title: string }> = []
  let start = 0
  let length = 0
  let fenceMark = ""

  // Lines [start, end) become a passage, without the empty lines at its ends.
  const close = (end: number, nextLevel = 0): void => {
    let first = start
    let last = end - 1
    while (first <= last && lines[first]!.trim() === "") first++
    while (last >= first && lines[last]!.trim() === "") last--
    start = end
    length = 0
    if (first > last) return
    // A heading with another one right below answers nothing: it is in the trail of what follows.
    if (first === last && heading.test(lines[first]!) && nextLevel > trail[trail.length - 1]!.level) return
    const headings = trail.map((_) => _.title)
    const text = lines.slice(first, last + 1).join("\n")
    for (let at = 0; at < text.length; at += maxLength) {
      passages.push({
        file,
        firstLine: first + 1,
        lastLine: last + 1,
        headings,
        text: text.slice(at, at + maxLength)
      })
    }
  }

  let i = 0
  if (lines[0] === "---") {
    // Front matter: settings for a site generator, of which only the title is for readers.
    const end = lines.indexOf("---", 1)
    if (end > 0) {
      for (const line of lines.slice(1, end)) {
        if (!line.startsWith("title:")) continue
        const title = line
          .slice("title:".length)
          .trim()
          .replace(/^["']|["']$/g, "")
        if (title !== "") trail.push({ level: 0, title })
      }
      i = end + 1
      start = i
    }
  }
  for (; i < lines.length; i++) {
    const line = lines[i]!
    const mark = fence.exec(line)?.[1]
    if (fenceMark !== "") {
      if (mark?.startsWith(fenceMark)) fenceMark = ""
    } else if (mark) {
      fenceMark = mark
    } else {
      const found = heading.exec(line)
      if (found) {
        const level = found[1]!.length
        close(i, level)
        while (trail.length > 0 && trail[trail.length - 1]!.level >= level) trail.pop()
        trail.push({ level, title: plain(found[2]!) })
      } else if (length > targetLength && line.trim() === "") {
        close(i)
      }
    }
    if (length > 0 && length + line.length > maxLength) close(i)
    length += line.length + 1
  }
  close(lines.length)
  return passages
}
