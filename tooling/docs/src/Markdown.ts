import { renderMermaidSVG } from "beautiful-mermaid"
import MarkdownIt from "markdown-it"
import { createHighlighter } from "shiki"

/** A part of a page, from one heading to the next. */
export interface Section {
  readonly id: string
  readonly level: number
  readonly title: string
  /** Its prose, for the search. */
  readonly text: string
}

/** A document as a page shows it. */
export interface Rendered {
  readonly html: string
  readonly title: string
  readonly sections: ReadonlyArray<Section>
}

/** Where a link of a document leads on its page. */
export type ResolveLink = (href: string) => string

/** Turns a document into HTML. */
export type Render = (markdown: string, resolveLink: ResolveLink) => Rendered

/** Signatures longer than this, in lines, are folded. */
const foldedFrom = 40

const languages = ["ts", "sh", "json", "sql", "yaml", "dockerfile"]

const slug = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
    .replaceAll(/^-|-$/g, "")

/** The colours are those of the page; a font from the network is not fetched. */
const toDiagram = (mermaid: string): string => {
  const svg = renderMermaidSVG(mermaid, {
    bg: "var(--page)",
    fg: "var(--text)",
    line: "var(--quiet)",
    muted: "var(--text)",
    border: "var(--quiet)",
    surface: "var(--raised)",
    padding: 8
  })
  return `<figure class="diagram" tabindex="0">${svg.replaceAll(/^\s*@import url\([^\n]*\n/gm, "").replaceAll(/font-family:[^;]+/g, "font-family: inherit")}</figure>`
}

/** Prepares the renderer. It takes half a second, so once is enough. */
export const makeRender = async (): Promise<Render> => {
  // Of the themes there are, these have comments that can be read on a raised background.
  const themes = { light: "github-light-high-contrast", dark: "github-dark-default" }
  const highlighter = await createHighlighter({ themes: Object.values(themes), langs: languages })
  const toCode = (code: string, language: string): string =>
    highlighter
      .codeToHtml(code.trimEnd(), {
        lang: languages.includes(language) ? language : "text",
        themes,
        defaultColor: "light-dark()"
      })
      // The colours once more, as variables: half of the page.
      .replaceAll(/;--shiki-[\w-]+:[^;"]+/g, "")

  return (markdown, resolveLink) => {
    const sections: Array<{ id: string; level: number; title: string; text: string }> = []
    const taken = new Set<string>()
    // The documents are ours: what HTML they contain is meant.
    const md = new MarkdownIt({ html: true })

    md.renderer.rules.fence = (tokens, index) => {
      const { content, info } = tokens[index]!
      const [language = ""] = info.split(" ")
      if (language === "mermaid") return toDiagram(content)
      const html = `<div class="code">${toCode(content, language)}</div>`
      const lines = content.split("\n").length
      return lines > foldedFrom && !content.startsWith("import ")
        ? `<details><summary>${lines} lines</summary>${html}</details>`
        : html
    }
    md.renderer.rules.table_open = () => `<div class="table" tabindex="0"><table>`
    md.renderer.rules.table_close = () => `</table></div>`
    md.core.ruler.push("page", ({ tokens }) => {
      for (const [index, token] of tokens.entries()) {
        const before = tokens[index - 1]
        if (before?.type === "heading_open") {
          const [, title = "", given] = /^(.*?)(?: \{#([^}]+)\})?$/.exec(token.content) ?? []
          const last = token.children?.at(-1)
          if (given !== undefined && last !== undefined) last.content = last.content.replace(/ \{#[^}]+\}$/, "")
          let id = given ?? slug(title)
          for (let n = 2; taken.has(id); n++) id = `${given ?? slug(title)}-${n}`
          taken.add(id)
          before.attrSet("id", id)
          const plain = title.replaceAll("`", "")
          sections.push({ id, level: Number(before.tag.slice(1)), title: plain, text: "" })
        } else if (token.type === "inline") {
          const section = sections.at(-1)
          if (section !== undefined) section.text += `${token.content.replaceAll(/[`*_|]|\]\([^)]*\)/g, " ")} `
        }
        for (const child of token.children ?? []) {
          const attribute = child.type === "link_open" ? "href" : child.type === "image" ? "src" : undefined
          const link = attribute === undefined ? null : child.attrGet(attribute)
          if (attribute !== undefined && link !== null) child.attrSet(attribute, resolveLink(`${link}`))
        }
      }
    })

    const html = md.render(markdown)
    return { html, title: sections[0]?.title ?? "", sections }
  }
}
