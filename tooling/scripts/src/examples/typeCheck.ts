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
  for (const text of output.split("\n")) {
    const [, path = "", line, message = ""] = /^(.+?)\((\d+),\d+\): (error .*)$/.exec(text) ?? []
    const last = failures.at(-1)
    if (line !== undefined) {
      failures.push({ file: documents.get(path) ?? path, line: Number(line), message })
    } else if (last !== undefined && text.trim() !== "") {
      failures.splice(-1, 1, { ...last, message: `${last.message}\n${text}` })
    }
  }
  return failures.length > 0 ? failures : [{ file: relative(root, config), line: 1, message: output }]
}
