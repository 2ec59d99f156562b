/**
 * Finds the passages that answer a question. Words in names and headings weigh more than words in the text, a word that no
 * document has is taken for a misspelled one, and one file does not crowd out the others.
 */
import MiniSearch, { type AsPlainObject, type Options, type SearchOptions } from "minisearch"
import type { Passage } from "./Passage.ts"
import * as Words from "./Words.ts"

/**
 * What is indexed of a passage, field by field.
 */
interface Entry {
  readonly id: number
  readonly title: string
  readonly trail: string
  readonly prose: string
  readonly code: string
}

const fences = /^[ \t]*```[^]*?^[ \t]*```[ \t]*$/gm

const entry = (id: number, { file, headings, text }: Passage): Entry => {
  const prose = text.replace(fences, "\n")
  return {
    id,
    title: headings[headings.length - 1] ?? "",
    trail: headings.slice(0, -1).join(" ") + " " + file.slice(file.lastIndexOf("/") + 1),
    prose,
    // The examples of a module are made of names that are documented where they belong.
    code: /\.[cm]?tsx?$/.test(file) && prose.trim() !== "" ? "" : (text.match(fences) ?? []).join("\n")
  }
}

const options: Options<Entry> = {
  fields: ["title", "trail", "prose", "code"],
  tokenize: Words.ofText,
  processTerm: (word) => word
}

const exactly: SearchOptions = { tokenize: (word) => [word], prefix: false, fuzzy: false }

/**
 * Questions are searched for by their first words, so that the time of a search is bounded.
 */
const maxWords = 64

/**
 * A second passage of one file counts for this much less than the one before it.
 */
const repeatPenalty = 0.75

/**
 * An index that was taken apart into JSON data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly nextId: number
  readonly passages: ReadonlyArray<readonly [id: number, passage: Passage]>
  readonly terms: AsPlainObject
}

/**
 * The passages of a set of documents, searchable by words.
 *
 * @category models
 * @since 0.1.0
 */
export class SearchIndex {
  #mini: MiniSearch<Entry>
  #passages = new Map<number, Passage>()
  #nextId = 0

  constructor() {
    this.#mini = new MiniSearch(options)
  }

  /**
   * The index that a snapshot was taken of. Others have their turn while it is put together. Rejects what is no snapshot.
   */
  static async restore(snapshot: Snapshot): Promise<SearchIndex> {
    const index = new SearchIndex()
    index.#mini = await MiniSearch.loadJSAsync(snapshot.terms, options)
    index.#passages = new Map(snapshot.passages)
    index.#nextId = snapshot.nextId
    return index
  }

  /**
   * The number of passages.
   */
  get size(): number {
    return this.#passages.size
  }

  /**
   * The passage with this id, if it is there.
   */
  get(id: number): Passage | undefined {
    return this.#passages.get(id)
  }

  /**
   * Adds a passage and answers the id to remove it by.
   */
  add(passage: Passage): number {
    const id = this.#nextId++
    this.#mini.add(entry(id, passage))
    this.#passages.set(id, passage)
    return id
  }

  /**
   * Removes the passage with this id, if it is there.
   */
  remove(id: number): void {
    const passage = this.#passages.get(id)
    if (passage === undefined) return
    this.#passages.delete(id)
    this.#mini.remove(entry(id, passage))
  }

  /**
   * The passages that fit a question, best first, at most `limit` of them.
   */
  search(question: string, limit: number): Array<readonly [passage: Passage, score: number]> {
    const results = this.#mini.search(question, {
      tokenize: (text) => [...new Set(Words.ofText(text))].slice(0, maxWords),
      // Words are rare in titles, and count for more there by that alone; the name of the file says what it is all about.
      boost: { title: 1.2, trail: 2, prose: 1, code: 0.5 },
      prefix: (word) => word.length > 2,
      fuzzy: (word) => word.length > 3 && this.#mini.search(word, exactly).length === 0 && 0.25,
      weights: { prefix: 0.3, fuzzy: 0.3 }
    })
    // What is far down cannot come up again: a penalty only lowers.
    const candidates = results
      .slice(0, limit * 20)
      .map(({ id, score }) => ({ passage: this.#passages.get(id)!, score }))
    const found: Array<readonly [Passage, number]> = []
    const taken = new Map<string, number>()
    const texts = new Set<string>()
    while (found.length < limit && candidates.length > 0) {
      let best = 0
      let bestScore = -1
      for (let i = 0; i < candidates.length; i++) {
        const { passage, score } = candidates[i]!
        if (score <= bestScore) break
        const penalized = score * repeatPenalty ** (taken.get(passage.file) ?? 0)
        if (penalized > bestScore) {
          best = i
          bestScore = penalized
        }
      }
      const { passage } = candidates[best]!
      candidates.splice(best, 1)
      // Copies of a document say the same: the first is enough.
      if (texts.has(passage.text)) continue
      texts.add(passage.text)
      taken.set(passage.file, (taken.get(passage.file) ?? 0) + 1)
      found.push([passage, Math.round(bestScore * 100) / 100])
    }
    return found
  }

  /**
   * The index as JSON data, from which `restore` makes it again.
   */
  snapshot(): Snapshot {
    return { nextId: this.#nextId, passages: [...this.#passages], terms: this.#mini.toJSON() }
  }
}
