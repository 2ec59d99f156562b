import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Example } from "./Example.ts"

/** An example as a file of its own. */
export interface ExtractedExample {
  readonly example: Example
  /** Absolute path. */
  readonly path: string
  /** Whether it is a test: those run under vitest, everything else as a program. */
  readonly test: boolean
}

/** The extracted examples of one run, on disk until it is disposed. */
export interface Extraction extends Disposable {
  readonly files: ReadonlyArray<ExtractedExample>
  /** A folder beside the examples of `shared`, for generated configuration. */
  readonly folder: string
  /** Names extracted files in a text by the documents they come from. */
  readonly inDocuments: (text: string) => string
}

/**
 * Writes each example into the package that it documents, so that it can import what that package can, and no more;
 * documents outside packages and apps may import what the folder `shared` can.
 */
export const extract = (root: string, shared: string, examples: ReadonlyArray<Example>): Extraction => {
  const home = (file: string) => /^(packages|apps)\/[^/]+/.exec(file)?.[0] ?? shared
  // The process number keeps two runs in one work tree apart.
  const run = `.examples/${process.pid}`
  const homes = new Set([shared, ...examples.map((example) => home(example.file))])
  for (const folder of homes) mkdirSync(join(root, folder, run), { recursive: true })

  const files = examples.map((example) => {
    const last = Math.max(0, ...example.code.keys())
    const source = Array.from({ length: last }, (_, index) => example.code.get(index + 1) ?? "").join("\n")
    const test = /from "(@effect\/)?vitest"/.test(source)
    const name = `${example.file.replaceAll("/", "__").replace(/\.\w+$/, "")}.${example.line}${test ? ".test" : ""}.ts`
    const path = join(root, home(example.file), run, name)
    writeFileSync(path, `${source}\nexport {}\n`)
    return { example, path, test }
  })

  return {
    files,
    folder: join(root, shared, run),
    inDocuments: (text) => files.reduce((result, each) => result.replaceAll(each.path, each.example.file), text),
    [Symbol.dispose]: () => {
      for (const folder of homes) {
        rmSync(join(root, folder, run), { recursive: true, force: true })
        const parent = join(root, folder, ".examples")
        if (readdirSync(parent).length === 0) rmdirSync(parent)
      }
    }
  }
}
