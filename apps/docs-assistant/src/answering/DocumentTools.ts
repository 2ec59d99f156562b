/**
 * What a language model may do with the documents.
 */
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import type { DocumentLibrary } from "../library/DocumentLibrary.ts"
import type { Notebook } from "./Notebook.ts"

const Noted = Schema.Struct({ n: Schema.Int, place: Schema.String, heading: Schema.String, text: Schema.String })

const Refused = Schema.Struct({ error: Schema.String })

const file = Schema.String.annotate({ description: "The file, as a passage names it" })

/**
 * Searches for passages.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchDocuments = Tool.make("search_documents", {
  description: "Search the documents by words. Answers the passages that fit best, each with the number to cite it by.",
  parameters: Schema.Struct({ query: Schema.String.annotate({ description: "What to search for, a few words" }) }),
  success: Schema.Array(Noted),
  failure: Refused,
  failureMode: "return"
})

/**
 * Reads the part of a document around some lines.
 *
 * @category tools
 * @since 0.1.0
 */
export const ReadPassage = Tool.make("read_passage", {
  description:
    "Read what a document says from one line to another, such as what stands around a passage that was found.",
  parameters: Schema.Struct({ file, firstLine: Schema.Int, lastLine: Schema.Int }),
  success: Schema.Array(Noted),
  failure: Refused,
  failureMode: "return"
})

/**
 * Reads a whole document. Asks a human first: it sends far more of the documents to the model's provider than an answer needs.
 *
 * @category tools
 * @since 0.1.0
 */
export const ReadDocument = Tool.make("read_document", {
  description: "Read a whole document. A human is asked first: use it only when passages are not enough.",
  parameters: Schema.Struct({ file }),
  success: Schema.Array(Noted),
  failure: Refused,
  failureMode: "return",
  needsApproval: true
})

/**
 * What a language model may do with the documents.
 *
 * @category toolkits
 * @since 0.1.0
 */
export const DocumentTools = Toolkit.make(SearchDocuments, ReadPassage, ReadDocument)

const maxDocument = 100_000

/**
 * The tools at work: what they show is noted in the notebook, so that it can be cited. They read nothing but what is indexed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const handlers = (library: DocumentLibrary["Service"], notebook: Notebook) => {
  const unknown = (file: string) =>
    Effect.fail({ error: `There is no document "${file}": search, and use a file of a passage that is found` })
  const read = Effect.fnUntraced(function* (file: string, firstLine: number, lastLine: number) {
    const document = yield* library.document(file)
    if (document.length === 0) return yield* unknown(file)
    const passages = document.filter((_) => _.lastLine >= firstLine && _.firstLine <= lastLine)
    let characters = 0
    const some = passages.filter(({ text }) => (characters += text.length) <= maxDocument)
    return yield* notebook.readAll(some)
  })
  return DocumentTools.of({
    search_documents: ({ query }) =>
      Effect.catch(notebook.search(query), (error) => Effect.fail({ error: error.message })),
    read_passage: ({ file, firstLine, lastLine }) => read(file, firstLine, lastLine),
    read_document: ({ file }) => read(file, 1, Number.MAX_SAFE_INTEGER)
  })
}
