/** What is wrong with an example, and where. */
export interface Failure {
  /** Path of the document, relative to the repository. */
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Reports that the example at `path` fails; the first report of an example counts. */
export type Fail = (path: string, message: string, printed: string) => void
