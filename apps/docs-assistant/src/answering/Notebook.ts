/**
 * The passages of one answer, numbered as they were found: `[1]` in the answer cites the first.
 */
import { Effect, Stream } from "effect"
import type { DocumentLibrary } from "../library/DocumentLibrary.ts"
import type { QuestionEmpty } from "../library/LibraryError.ts"
import { type FoundPassage, found, type Passage } from "../library/Passage.ts"
import type { Tell } from "./Answerer.ts"

/**
 * A passage with the number that it is cited by, as a language model sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Noted {
  readonly n: number
  readonly place: string
  readonly heading: string
  readonly text: string
}

/**
 * The passages of one answer.
 *
 * @category models
 * @since 0.1.0
 */
export class Notebook {
  readonly passages: Array<FoundPassage>
  readonly #library: DocumentLibrary["Service"]
  readonly #tell: Tell

  constructor(library: DocumentLibrary["Service"], tell: Tell, passages: ReadonlyArray<FoundPassage> = []) {
    this.#library = library
    this.#tell = tell
    this.passages = [...passages]
  }

  /**
   * Searches for passages, notes them and tells those that are new.
   */
  search(question: string, limit = 6): Effect.Effect<Array<Noted>, QuestionEmpty> {
    return this.#library.search(question, { limit }).pipe(
      Stream.mapEffect((passage) => this.#note(passage)),
      Stream.runCollect
    )
  }

  /**
   * Notes passages and tells those that are new.
   */
  readAll(passages: ReadonlyArray<Passage>): Effect.Effect<Array<Noted>> {
    return Effect.forEach(passages, (passage) => this.#note(found(passage, 0)))
  }

  #note(passage: FoundPassage): Effect.Effect<Noted> {
    const { file, firstLine, heading, lastLine, text } = passage
    const at = this.passages.findIndex((_) => _.file === file && _.firstLine === firstLine)
    const n = at >= 0 ? at + 1 : this.passages.push(passage)
    const noted = { n, place: `${file}:${firstLine}-${lastLine}`, heading, text }
    return at >= 0 ? Effect.succeed(noted) : Effect.as(this.#tell({ _tag: "Passage", passage }), noted)
  }
}
