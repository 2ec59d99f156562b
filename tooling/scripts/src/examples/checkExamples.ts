import { collect } from "./Example.ts"
import { extract } from "./Extraction.ts"
import type { Fail, Failure } from "./Failure.ts"
import { runPrograms } from "./runPrograms.ts"
import { runTests } from "./runTests.ts"
import { typeCheck } from "./typeCheck.ts"

export interface Options {
  /** The repository. */
  readonly root: string
  /** Only documents whose path begins with one of these. */
  readonly prefixes?: ReadonlyArray<string>
  /** Folder, relative to the root, whose dependencies the documents outside packages and apps may import. */
  readonly shared?: string
  /** Milliseconds that one example may run. */
  readonly timeout?: number
}

export interface Outcome {
  readonly run: number
  readonly typeCheckedOnly: number
  readonly failures: ReadonlyArray<Failure>
}

/** Type-checks and runs the examples of the repository's documentation. */
export const checkExamples = async (options: Options): Promise<Outcome> => {
  const { root, prefixes = [], shared = "tooling/scripts", timeout = 60_000 } = options
  const { examples, malformed } = collect(root, prefixes)
  using extraction = extract(root, shared, examples)

  const failing = new Map<string, Failure>()
  const fail: Fail = (path, message, printed) => {
    const example = extraction.files.find((each) => each.path === path)?.example
    if (example === undefined || failing.has(path)) return
    const tail = printed.trim() === "" ? "" : `\nIt printed:\n${printed.trim()}`
    failing.set(path, { file: example.file, line: example.line, message: extraction.inDocuments(message + tail) })
  }
  const running = runPrograms(root, extraction, timeout, fail).then(() => runTests(root, extraction, fail))
  const [mistyped] = await Promise.all([typeCheck(root, extraction), running])

  const run = examples.filter((example) => example.runs).length
  return {
    run,
    typeCheckedOnly: examples.length - run,
    failures: [...malformed, ...mistyped, ...failing.values()]
  }
}
