import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "../Subprocess.ts"
import { type Command, yarnCommand } from "./Manager.ts"
import { root } from "./Workspace.ts"

/** A program that runs TypeScript. */
export interface Runtime {
  readonly name: string
  readonly run: (file: string) => Command
}

export const node24: Runtime = { name: "Node 24", run: (file) => [join(root, "node_modules/.bin/node"), file] }

export const bun: Runtime = {
  name: "Bun",
  run: (file) => [join(root, "tooling/scripts/node_modules/.bin/bun"), "run", file]
}

/** Node 24 in a project that Yarn has installed. */
export const yarnNode: Runtime = { name: "Node 24 under Plug'n'Play", run: (file) => [...yarnCommand, "node", file] }

/**
 * Installs the runtimes that only the whole matrix needs into `folder`. They are not dependencies of the repository, since
 * half a gigabyte is too much for each fresh clone.
 */
export const installOthers = async (folder: string): Promise<ReadonlyArray<Runtime>> => {
  mkdirSync(folder, { recursive: true })
  const node = `npm:node-${process.platform}-${process.arch}`
  const dependencies = { "node-22": `${node}@22.23.3`, "node-26": `${node}@26.10.0`, deno: "2.9.6" }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }))
  const { code, output } = await run("npm", ["install", "--no-audit", "--no-fund"], { cwd: folder })
  if (code !== 0) throw new Error(`npm install of the runtimes ended with code ${code}\n${output}`)
  const modules = join(folder, "node_modules")
  return [
    { name: "Node 22", run: (file) => [join(modules, "node-22/bin/node"), file] },
    { name: "Node 26", run: (file) => [join(modules, "node-26/bin/node"), file] },
    { name: "Deno", run: (file) => [join(modules, ".bin/deno"), "run", "--allow-all", file] }
  ]
}
