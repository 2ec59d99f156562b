import { globSync } from "node:fs"
import { join } from "node:path"
import { run } from "../Subprocess.ts"
import { type Package, root } from "./Workspace.ts"

/** A package as it would be published. */
export interface Tarball {
  readonly package: Package
  /** Absolute path of the archive. */
  readonly path: string
  /** Paths of the files in it. */
  readonly files: ReadonlyArray<string>
}

const succeed = async (command: string, args: ReadonlyArray<string>, cwd: string) => {
  const { code, output } = await run(command, args, { cwd })
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with code ${code}\n${output}`)
  return output
}

/** Packs a package into `destination`. */
export const pack = async (each: Package, destination: string): Promise<Tarball> => {
  const archives = () => globSync(`*-${each.name}-[0-9]*.tgz`, { cwd: destination })
  await succeed("pnpm", ["pack", "--pack-destination", destination], each.folder)
  const [archive] = archives()
  if (archive === undefined) throw new Error(`pnpm pack made no archive of ${each.name} in ${destination}`)
  const path = join(destination, archive)
  const listing = await succeed("tar", ["-tzf", path], root)
  const files = listing
    .split("\n")
    .filter(Boolean)
    .map((file) => file.replace(/^package\//, ""))
  return { package: each, path, files }
}
