/**
 * The Markdown that answers are written in, as data: enough for documentation, and nothing that could carry a script.
 */

export type Inline =
  | { readonly type: "text" | "code" | "strong" | "em"; readonly text: string }
  | { readonly type: "link"; readonly text: string; readonly href: string }
  /** `[2]`: the second of the passages that the text is taken from. */
  | { readonly type: "citation"; readonly number: number }

export type Block =
  | { readonly type: "paragraph"; readonly inlines: ReadonlyArray<Inline> }
  | { readonly type: "heading"; readonly level: number; readonly inlines: ReadonlyArray<Inline> }
  | { readonly type: "list"; readonly isOrdered: boolean; readonly items: ReadonlyArray<ReadonlyArray<Inline>> }
  | { readonly type: "quote"; readonly blocks: ReadonlyArray<Block> }
  | { readonly type: "code"; readonly language: string; readonly text: string }
  | { readonly type: "table"; readonly rows: ReadonlyArray<ReadonlyArray<ReadonlyArray<Inline>>> }

const inline =
  /(?<ticks>`+)(?<code>[^]*?[^`])\k<ticks>(?!`)|\*\*(?<strong>[^*\n]+)\*\*|(?<![\w*])[*_](?<em>[^*_\n]+)[*_](?![\w*])|\[(?<label>[^\]\n]*)\]\((?<href>[^)\s]*)[^)\n]*\)|\[(?<number>\d{1,3})\]/g

export const parseInline = (text: string): ReadonlyArray<Inline> => {
  const found: Array<Inline> = []
  let end = 0
  for (const match of text.matchAll(inline)) {
    if (match.index > end) found.push({ type: "text", text: text.slice(end, match.index) })
    end = match.index + match[0].length
    const { code, em, href, label, number, strong } = match.groups ?? {}
    if (code !== undefined) found.push({ type: "code", text: code.trim() })
    else if (strong !== undefined) found.push({ type: "strong", text: strong })
    else if (em !== undefined) found.push({ type: "em", text: em })
    else if (number !== undefined) found.push({ type: "citation", number: Number(number) })
    // A link inside the documents leads nowhere here, and no scheme but these is followed.
    else if (href !== undefined && /^https?:\/\//i.test(href)) found.push({ type: "link", text: label ?? "", href })
    else found.push({ type: "text", text: label ?? "" })
  }
  if (end < text.length) found.push({ type: "text", text: text.slice(end) })
  return found
}

const fence = /^\s*(`{3,}|~{3,})\s*([\w+-]*)/
const heading = /^(#{1,6})\s+(.*?)\s*#*$/
const bullet = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/
const quote = /^\s*>\s?(.*)$/
const row = /^\s*\|(.*)\|\s*$/
const rule = /^\s*\|[\s:|-]+\|\s*$/

/** Reads the lines from the first one on; each reader takes what is its own. */
class Reader {
  private readonly lines: ReadonlyArray<string>
  private at = 0

  constructor(text: string) {
    this.lines = text.split("\n")
  }

  blocks(): ReadonlyArray<Block> {
    const blocks: Array<Block> = []
    while (this.at < this.lines.length) {
      if (this.line.trim() === "") this.at++
      else blocks.push(this.block())
    }
    return blocks
  }

  private get line(): string {
    return this.lines[this.at] ?? ""
  }

  private takeWhile(isOwn: (line: string) => boolean): Array<string> {
    const from = this.at
    while (this.at < this.lines.length && isOwn(this.line)) this.at++
    return this.lines.slice(from, this.at)
  }

  private block(): Block {
    const { line } = this
    const fenced = fence.exec(line)
    if (fenced !== null) return this.code(fenced[1] ?? "```", fenced[2] ?? "")
    const titled = heading.exec(line)
    if (titled !== null) {
      this.at++
      return { type: "heading", level: titled[1]?.length ?? 1, inlines: parseInline(titled[2] ?? "") }
    }
    if (bullet.test(line)) return this.list()
    if (quote.test(line)) {
      const inner = this.takeWhile((line) => quote.test(line)).map((line) => quote.exec(line)?.[1] ?? "")
      return { type: "quote", blocks: parse(inner.join("\n")) }
    }
    if (row.test(line)) return this.table()
    const starts = [fence, heading, bullet, quote, row]
    const first = this.at++
    this.takeWhile((line) => line.trim() !== "" && !starts.some((start) => start.test(line)))
    return { type: "paragraph", inlines: parseInline(this.lines.slice(first, this.at).join("\n")) }
  }

  private code(mark: string, language: string): Block {
    this.at++
    const text = this.takeWhile((line) => !line.trim().startsWith(mark))
    this.at++
    return { type: "code", language, text: text.join("\n") }
  }

  private list(): Block {
    const isOrdered = bullet.exec(this.line)?.[1] !== undefined
    const items: Array<string> = []
    for (const line of this.takeWhile((line) => bullet.test(line) || /^\s+\S/.test(line))) {
      const text = bullet.exec(line)?.[2]
      if (text === undefined) items.push(`${items.pop() ?? ""} ${line.trim()}`)
      else items.push(text)
    }
    return { type: "list", isOrdered, items: items.map(parseInline) }
  }

  private table(): Block {
    const rows = this.takeWhile((line) => row.test(line)).filter((line) => !rule.test(line))
    const cells = (line: string) =>
      (row.exec(line)?.[1] ?? "").split(/(?<!\\)\|/).map((cell) => parseInline(cell.trim()))
    return { type: "table", rows: rows.map(cells) }
  }
}

export const parse = (text: string): ReadonlyArray<Block> => new Reader(text).blocks()
