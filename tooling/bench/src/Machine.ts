/** Where and with what a run was made. */
import { readFileSync } from "node:fs"
import os from "node:os"

export const machine = (): Readonly<Record<string, string | number>> => ({
  cpu: os.cpus()[0]?.model ?? "unknown",
  cores: os.availableParallelism(),
  memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  os: `${os.type()} ${os.release()}`,
  arch: os.arch(),
  date: new Date().toISOString()
})

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifest = (path: URL): Manifest => JSON.parse(readFileSync(path, "utf8"))

/** The version of Node and of everything that the bench depends on. */
export const versions = (): Readonly<Record<string, string>> => {
  const root = new URL("../", import.meta.url)
  const names = Object.keys(manifest(new URL("package.json", root)).dependencies ?? {})
  return Object.fromEntries([
    ["node", process.versions.node],
    ...names.map((name) => [name, manifest(new URL(`node_modules/${name}/package.json`, root)).version])
  ])
}
