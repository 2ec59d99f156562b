import { writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { run } from "../Subprocess.ts"
import type { Extraction } from "./Extraction.ts"
import type { Failure } from "./Failure.ts"

/** Type-checks all examples in one program. */
export const typeCheck = async (root: string, { files, folder }: Extraction): Promise<ReadonlyArray<Failure>> => {
  if (files.length === 0) return []
  const config = join(folder, "tsconfig.json")
  const compilerOptions = {
    noEmit: true,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false,
    types: ["node"]
  }
  writeFileSync(
    config,
    JSON.stringify({
      extends: relative(folder, join(root, "tsconfig.base.json")),
      compilerOptions,
      files: files.map(({ path }) => path)
    })
  )
  const tsc = join(root, "node_modules/.bin/tsc")
  const { code, output } = await run(tsc, ["-p", config, "--pretty", "false"], { cwd: root })
  if (code === 0) return []

  const documents = new Map(files.map(({ path, example }) => [relative(root, path), example.file]))
  const failures: Array<Failure> = []
  const elsewhere: Array<string> = []
  let inDocument = false
  for (const text of output.split("\n")) {
    const [, path = "", line, message = ""] = /^(.+?)\((\d+),\d+\): (error .*)$/.exec(text) ?? []
    const document = documents.get(path)
    const last = failures.at(-1)
    if (line !== undefined) inDocument = document !== undefined
    if (document !== undefined) {
      failures.push({ file: document, line: Number(line), message })
    } else if (line !== undefined) {
      elsewhere.push(text)
    } else if (last !== undefined && inDocument && text.trim() !== "") {
      failures.splice(-1, 1, { ...last, message: `${last.message}\n${text}` })
    }
  }
  const [first] = elsewhere
  if (first !== undefined) {
    const message = `${elsewhere.length} type errors in sources, which check:types shows; the first is\n${first}`
    failures.push({ file: relative(root, config), line: 1, message })
  }
  return failures.length > 0 ? failures : [{ file: relative(root, config), line: 1, message: output }]
}
