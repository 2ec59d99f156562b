import { globSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { bunRuntime, node24, npm } from "../src/packages/Manager.ts"
import { make, type Project } from "../src/packages/Project.ts"
import { promised } from "../src/packages/Promised.ts"
import { type FirstSteps, firstSteps } from "../src/packages/Readme.ts"
import { type Registry, start } from "../src/packages/Registry.ts"
import { pack } from "../src/packages/Tarball.ts"
import { packages, publicModules } from "../src/packages/Workspace.ts"

// A stranger's first minutes with each package: all are published to a registry on this machine, and installed from there
// into empty projects. `pnpm check:matrix` does the same with every package manager and runtime.

let scratch: string
let registry: Registry

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "consumers-"))
  registry = await start(join(scratch, "registry"))
  for (const each of packages) await registry.publish((await pack(each, scratch)).path)
})
afterAll(async () => {
  await registry.close()
  rmSync(scratch, { recursive: true, force: true })
})

const success = { code: 0 }

const project = (name: string) => make(join(scratch, name), join(scratch, "home"), registry.url)

describe.each(packages)("$name", (each) => {
  const promise = promised[each.name] ?? { dependencies: [] }
  const { name } = each.manifest
  let steps: FirstSteps
  let stranger: Project

  beforeAll(async () => {
    steps = firstSteps(each)
    stranger = project(each.name)
    assert.deepInclude(await stranger.install(npm, steps.install), success)
    stranger.write("example.ts", steps.example)
    const modules = publicModules(each).map((module) => (module === "index" ? name : `${name}/${module}`))
    const lines = modules.map((module, index) => `import * as _${index} from "${module}"`)
    stranger.write("modules.ts", `${lines.join("\n")}\nconsole.log(${modules.map((_, index) => `_${index}`)})\n`)
  })

  it("is the first thing that its README installs, and its example needs nothing else", () => {
    const imported = [...steps.example.matchAll(/from "((?:@[^/"]+\/)?[^/"]+)[^"]*"/g)].map((match) => match[1] ?? "")
    const needed = imported.filter((specifier) => !specifier.startsWith("node:"))
    assert.includeMembers([...steps.install], [...new Set([name, ...needed])])
  })

  it("brings nothing with it but effect and what is promised", async () => {
    const alone = project(`${each.name}-alone`)
    assert.deepInclude(await alone.install(npm, [name]), success)
    const installed = globSync("node_modules/**/package.json", { cwd: alone.folder })
      .map((path) => dirname(path).slice("node_modules/".length))
      .filter((path) => /^(@[^/]+\/)?[^/]+$/.test(path) && path !== ".bin")
    const expected = new Set(["effect"])
    const add = (dependency: string) => {
      expected.add(dependency)
      for (const other of packages) {
        if (other.manifest.name === dependency) promised[other.name]?.dependencies.forEach(add)
      }
    }
    add(name)
    assert.sameMembers(installed, [...expected])
  })

  it.each(["nodenext", "bundler"] as const)("type-checks under %s", async (resolution) => {
    assert.deepInclude(
      await stranger.typeCheck(resolution, ["example.ts", "modules.ts"], promise.browser === true),
      success
    )
  })

  it.each([node24, bunRuntime])("runs its README's first example on $name", async (runtime) => {
    assert.deepInclude(await stranger.execute(runtime, "example.ts"), success)
    assert.deepInclude(await stranger.execute(runtime, "modules.ts"), success)
  })
})
