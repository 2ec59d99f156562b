import { globSync } from "node:fs"
import { dirname } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { npm } from "../src/packages/Manager.ts"
import type { Project } from "../src/packages/Project.ts"
import { promised } from "../src/packages/Promised.ts"
import { type Publication, publishAll } from "../src/packages/Publication.ts"
import { firstSteps } from "../src/packages/Readme.ts"
import { bun, node24 } from "../src/packages/Runtime.ts"
import { packages } from "../src/packages/Workspace.ts"

// A stranger's first minutes with each package: all are published to a registry on this machine, and installed from there
// into empty projects. `pnpm check:matrix` does the same with every package manager and runtime.

const success = { code: 0 }

let publication: Publication
beforeAll(async () => {
  publication = await publishAll()
})
afterAll(() => publication.close())

describe.each(packages)("$name", (each) => {
  const promise = promised[each.name] ?? { dependencies: [] }
  const { name } = each.manifest
  let stranger: Project

  beforeAll(async () => {
    stranger = publication.stranger(each, each.name)
    assert.deepInclude(await stranger.install(npm, firstSteps(each).install), success)
  })

  it("is the first thing that its README installs, and its example needs nothing else", () => {
    const { install, example } = firstSteps(each)
    const imported = [...example.matchAll(/from "((?:@[^/"]+\/)?[^/"]+)[^"]*"/g)].map((match) => match[1] ?? "")
    const needed = imported.filter((specifier) => !specifier.startsWith("node:"))
    assert.includeMembers([...install], [...new Set([name, ...needed])])
  })

  it("brings nothing with it but effect and what is promised", async () => {
    const alone = publication.project(`${each.name}-alone`)
    assert.deepInclude(await alone.install(npm, [name]), success)
    const installed = globSync("node_modules/**/package.json", { cwd: alone.folder })
      .map((path) => dirname(path).slice("node_modules/".length))
      .filter((path) => /^(@[^/]+\/)?[^/]+$/.test(path))
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
    const files = ["example.ts", "modules.ts"]
    assert.deepInclude(await stranger.typeCheck(resolution, files, promise.browser === true), success)
  })

  it.each([node24, bun])("runs its README's first example on $name", async (runtime) => {
    assert.deepInclude(await stranger.execute(runtime, "example.ts"), success)
    assert.deepInclude(await stranger.execute(runtime, "modules.ts"), success)
  })
})
