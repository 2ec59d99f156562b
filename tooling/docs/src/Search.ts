import MiniSearch from "minisearch"
import type { Rendered } from "./Markdown.ts"

/** The index of the site's search, built here and loaded by the page. `assets/site.js` names the same fields. */
export interface Search {
  readonly add: (path: string, document: Rendered) => void
  readonly toJson: () => string
}

/** Words as they stand, and the parts of camel case: who looks for "durable" finds "layerDurable". */
const tokenize = (text: string): Array<string> =>
  text.split(/[\s\p{P}]+/u).flatMap((word) => {
    const parts = word.split(/(?<=[a-z])(?=[A-Z])/)
    return parts.length > 1 ? [word, ...parts] : parts
  })

/** Starts an empty index. */
export const makeSearch = (): Search => {
  const index = new MiniSearch({ fields: ["title", "text"], storeFields: ["title", "page"], tokenize })
  return {
    add: (path, document) => {
      for (const { id, level, text, title } of document.sections) {
        if (path.startsWith("api/") && level === 2) continue // a category
        const page = path.startsWith("api/")
          ? path
              .split("/")
              .slice(1, level === 1 ? 2 : 3)
              .join(" / ")
          : document.title
        index.add({ id: level === 1 ? path : `${path}#${id}`, title, page: page.replace(/\.html$/, ""), text })
      }
    },
    toJson: () => JSON.stringify(index)
  }
}
