import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Example, fromMarkdown, type Malformed } from "../examples/Example.ts"
import type { Package } from "./Workspace.ts"

/** What the README of a package tells a stranger to do first. */
export interface FirstSteps {
  /** The packages of the `npm install` lines in its first shell block. */
  readonly install: ReadonlyArray<string>
  /** The code of its first example. */
  readonly example: string
}

/** Reads the first steps out of a package's README. */
export const firstSteps = ({ name, folder }: Package): FirstSteps => {
  const text = readFileSync(join(folder, "README.md"), "utf8")
  const [, shell = ""] = /^```sh\n(.*?)^```/ms.exec(text) ?? []
  const install = [...shell.matchAll(/^npm install ([^#\n]+)/gm)].flatMap(([, line = ""]) => line.trim().split(/\s+/))
  if (install.length === 0) throw new Error(`packages/${name}/README.md does not begin with "npm install"`)
  const examples: Array<Example> = []
  const malformed: Array<Malformed> = []
  fromMarkdown("README.md", text, examples, malformed)
  const [first] = examples
  if (first === undefined || !first.runs)
    throw new Error(`packages/${name}/README.md does not begin with an example that runs`)
  return { install, example: [...first.code.values()].join("\n") }
}
