import type { Rendered } from "./Markdown.ts"

/** The groups of links that each page shows. */
export type Navigation = ReadonlyArray<{
  readonly title: string
  readonly links: ReadonlyArray<{ readonly path: string; readonly label: string }>
  /** Whether it is closed unless it holds the page. */
  readonly folds: boolean
}>

/** What a page is made of. */
export interface PageOptions {
  readonly path: string
  readonly document: Rendered
  readonly navigation: Navigation
  /** Where its source can be edited. */
  readonly edit: string | undefined
  /** From this page to a path from the site's root. */
  readonly relative: (path: string) => string
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const toNavigation = ({ navigation, path, relative }: PageOptions): string =>
  navigation
    .map(({ folds, links, title }) => {
      const items = links
        .map((link) => {
          const current = link.path === path ? ` aria-current="page"` : ""
          return `<li><a href="${relative(link.path)}"${current}>${escape(link.label)}</a></li>`
        })
        .join("")
      const list = `<ul>${items}</ul>`
      if (!folds) return `${title === "" ? "" : `<h2>${escape(title)}</h2>`}${list}`
      const open = links.some((link) => link.path === path) ? " open" : ""
      return `<details${open}><summary>${escape(title)}</summary>${list}</details>`
    })
    .join("\n")

/** The headings of the page, two levels deep; of a page of the API, what it exports. */
const toOutline = ({ document, path }: PageOptions): string => {
  const links = document.sections
    .filter(({ level }) => level === 2 || (level === 3 && path.startsWith("api/")))
    .map(({ id, level, title }) => `<li class="level-${level}"><a href="#${id}">${escape(title)}</a></li>`)
  return links.length < 2 ? "" : `<aside><h2>On this page</h2><ul>${links.join("")}</ul></aside>`
}

/** A whole page. */
export const toHtml = (options: PageOptions): string => {
  const { document, edit, path, relative } = options
  const title = path === "index.html" ? document.title : `${document.title} · Agent runtimes for Effect`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${relative("assets/style.css")}">
<script type="module" src="${relative("assets/site.js")}"></script>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<button type="button" popovertarget="menu" class="menu">Menu</button>
<a class="home" href="${relative("index.html")}">Agent runtimes</a>
<button type="button" id="search-open" hidden>Search <kbd>/</kbd></button>
<button type="button" id="theme" hidden>Theme</button>
</header>
<div class="columns">
<nav id="menu" popover aria-label="Pages">
${toNavigation(options)}
</nav>
<main id="content">
${document.html}
${edit === undefined ? "" : `<footer><a href="${edit}">Source of this page</a></footer>`}
</main>
${toOutline(options)}
</div>
<dialog id="search" aria-label="Search">
<input type="search" placeholder="Search" aria-label="Search" autocomplete="off">
<ul></ul>
</dialog>
</body>
</html>
`
}
