/**
 * Takes a document apart by what its name says it is.
 */
import * as MarkdownPassages from "./MarkdownPassages.ts"
import type { Passage } from "./Passage.ts"
import * as TypeScriptPassages from "./TypeScriptPassages.ts"

/**
 * The passages of a document, in the order of its lines.
 *
 * @category combinators
 * @since 0.1.0
 */
export const split = (file: string, text: string): Array<Passage> => {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)
  return /\.[cm]?tsx?$/.test(file) ? TypeScriptPassages.split(file, lines) : MarkdownPassages.split(file, lines)
}
