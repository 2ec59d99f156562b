import MiniSearch from "minisearch"
import type { Rendered } from "./Markdown.ts"

/** The index of the site's search, built here and loaded by the page. `assets/site.js` names the same fields. */
export interface Search {
  readonly add: (path: string, document: Rendered) => void
  readonly toJson: () => string
}

/** Starts an empty index. */
export const makeSearch = (): Search => {
  const index = new MiniSearch({ fields: ["title", "text"], storeFields: ["title", "page"] })
  return {
    add: (path, document) => {
      for (const { id, level, text, title } of document.sections) {
        if (path.startsWith("api/") && level === 2) continue // a category
        index.add({ id: level === 1 ? path : `${path}#${id}`, title, page: document.title, text })
      }
    },
    toJson: () => JSON.stringify(index)
  }
}
