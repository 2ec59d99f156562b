import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { make, type Project } from "./Project.ts"
import { firstSteps } from "./Readme.ts"
import { start } from "./Registry.ts"
import { pack } from "./Tarball.ts"
import { type Package, packages, publicModules } from "./Workspace.ts"

/** All packages, published to a registry on this machine. */
export interface Publication {
  /** A folder that goes with it. */
  readonly folder: string
  /** An empty project that installs from the registry. */
  readonly project: (name: string) => Project
  /** The same with the first example of a package's README, and a program that imports each of its modules. */
  readonly stranger: (each: Package, name: string) => Project
  readonly close: () => Promise<void>
}

/** Publishes every package. */
export const publishAll = async (): Promise<Publication> => {
  const folder = mkdtempSync(join(tmpdir(), "consumers-"))
  const registry = await start(join(folder, "registry"))
  for (const each of packages) await registry.publish((await pack(each, folder)).path)
  const project = (name: string) => make(join(folder, name), join(folder, "home"), registry.url)
  return {
    folder,
    project,
    stranger: (each, name) => {
      const created = project(name)
      created.write("example.ts", firstSteps(each).example)
      const modules = publicModules(each).map((module) =>
        module === "index" ? each.manifest.name : `${each.manifest.name}/${module}`
      )
      const imports = modules.map((module, index) => `import * as _${index} from "${module}"\n`)
      created.write("modules.ts", `${imports.join("")}console.log(${modules.map((_, index) => `_${index}`)})\n`)
      return created
    },
    close: async () => {
      await registry.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
