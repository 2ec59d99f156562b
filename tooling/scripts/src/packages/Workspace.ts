import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/** The repository. */
export const root = join(import.meta.dirname, "../../../..")

/** The parts of a `package.json` that the checks read. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: ReadonlyArray<string>
  readonly license?: string
  readonly repository?: { readonly url: string; readonly directory: string }
  readonly type?: string
  readonly sideEffects?: boolean
  readonly exports?: Record<string, unknown>
  readonly engines?: Record<string, string>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly publishConfig?: Record<string, unknown>
}

/** A package that is published. */
export interface Package {
  /** Name of its folder. */
  readonly name: string
  /** Absolute path. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Every package that is published, dependencies before dependents. */
export const packages: ReadonlyArray<Package> = (() => {
  const found = globSync("packages/*/package.json", { cwd: root })
    .map((path): Package => {
      const folder = join(root, dirname(path))
      return { name: basename(folder), folder, manifest: JSON.parse(readFileSync(join(root, path), "utf8")) }
    })
    .filter(({ manifest }) => manifest.private !== true)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const ordered = new Set<Package>()
  const visit = (each: Package) => {
    for (const other of found) if (other.manifest.name in (each.manifest.dependencies ?? {})) visit(other)
    ordered.add(each)
  }
  for (const each of found) visit(each)
  return [...ordered]
})()

/** The public modules of a built package, by their names: `index` and one for each export path. */
export const publicModules = ({ folder }: Package): ReadonlyArray<string> =>
  existsSync(join(folder, "dist"))
    ? globSync("*.js", { cwd: join(folder, "dist") })
        .map((path) => basename(path, ".js"))
        .toSorted()
    : []
