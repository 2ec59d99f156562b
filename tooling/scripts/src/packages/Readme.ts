import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Example, fromMarkdown, type Malformed } from "../examples/Example.ts"
import type { Package } from "./Workspace.ts"

/** What the README of a package tells a stranger to do first. */
export interface FirstSteps {
  /** The packages of its first `npm install` line. */
  readonly install: ReadonlyArray<string>
  /** The code of its first example. */
  readonly example: string
}

/** Reads the first steps out of a package's README. */
export const firstSteps = ({ name, folder }: Package): FirstSteps => {
  const text = readFileSync(join(folder, "README.md"), "utf8")
  const install = /^\s*npm (?:install|i|add) (.+)$/m.exec(text)?.[1]
  if (install === undefined) throw new Error(`packages/${name}/README.md has no "npm install" line`)
  const examples: Array<Example> = []
  const malformed: Array<Malformed> = []
  fromMarkdown("README.md", text, examples, malformed)
  const [first] = examples
  if (first === undefined || !first.runs)
    throw new Error(`packages/${name}/README.md does not begin with an example that runs`)
  return { install: install.trim().split(/\s+/), example: [...first.code.values()].join("\n") }
}
