import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { visit } from "../src/packages/Browser.ts"
import * as Manager from "../src/packages/Manager.ts"
import type { Project } from "../src/packages/Project.ts"
import { promised } from "../src/packages/Promised.ts"
import { type Publication, publishAll } from "../src/packages/Publication.ts"
import { firstSteps } from "../src/packages/Readme.ts"
import * as Runtime from "../src/packages/Runtime.ts"
import { packages } from "../src/packages/Workspace.ts"

// Every package manager, every runtime and a browser: `pnpm check:matrix`. The test command runs `Consumers.check.ts` only.

const success = { code: 0 }

let publication: Publication
let others: ReadonlyArray<Runtime.Runtime>
beforeAll(async () => {
  publication = await publishAll()
  others = await Runtime.installOthers(join(publication.folder, "runtimes"))
}, 300_000)
afterAll(() => publication.close())

const managers = [
  { manager: Manager.npm, runtimes: () => [Runtime.node24, Runtime.bun, ...others], resolves: true },
  { manager: Manager.pnpm, runtimes: () => [Runtime.node24], resolves: true },
  { manager: Manager.yarn, runtimes: () => [Runtime.yarnNode], resolves: false },
  { manager: Manager.bun, runtimes: () => [Runtime.bun, Runtime.node24], resolves: true }
].map((each) => ({ ...each, name: each.manager.name }))

describe.each(packages)("$name", (each) => {
  const browser = promised[each.name]?.browser === true

  describe.each(managers)("installed by $name", ({ manager, runtimes, resolves }) => {
    let stranger: Project

    beforeAll(async () => {
      stranger = publication.stranger(each, `${each.name}-${manager.name}`)
      assert.deepInclude(await stranger.install(manager, firstSteps(each).install), success)
    })

    it("runs its README's first example on each runtime", async () => {
      for (const runtime of runtimes()) {
        for (const file of ["example.ts", "modules.ts"]) {
          assert.deepInclude(await stranger.execute(runtime, file), success, `${file} on ${runtime.name}`)
        }
      }
    })

    // TypeScript does not read Plug'n'Play.
    it.runIf(resolves).each(["nodenext", "bundler"] as const)("type-checks under %s", async (resolution) => {
      assert.deepInclude(await stranger.typeCheck(resolution, ["example.ts", "modules.ts"], browser), success)
    })
  })

  it.runIf(browser)("runs its README's first example in Chromium, bundled", async () => {
    const stranger = publication.stranger(each, `${each.name}-browser`)
    assert.deepInclude(await stranger.install(Manager.npm, firstSteps(each).install), success)
    for (const file of ["example.ts", "modules.ts"]) {
      const { output } = await stranger.execute(Runtime.node24, file)
      const lines = file === "modules.ts" ? 1 : output.trim().split("\n").filter(Boolean).length
      const { printed, errors } = await visit(stranger, file, lines)
      assert.deepStrictEqual(errors, [])
      assert.isAtLeast(printed.length, Math.min(1, lines), output)
    }
  })
})
