import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Registry, start } from "../src/packages/Registry.ts"
import type { Manifest } from "../src/packages/Workspace.ts"
import { type Copy, copy } from "../src/release/Copy.ts"

// `changeset version` and `changeset publish` as `pnpm release` runs them, on a copy and to a registry on this machine.

const success = { code: 0 }

describe("a major change of mailbox", () => {
  let before: Record<string, Manifest>
  let released: Copy
  let registry: Registry
  let folder: string

  const names = ["mailbox", "schema", "core", "store-sql", "transport-http"]
  const manifests = () => Object.fromEntries(names.map((name) => [name, released.manifest(name)]))
  const published = async (name: string): Promise<Manifest> => {
    const response = await fetch(`${registry.url}@agent-runtime%2f${name}/latest`)
    return JSON.parse(await response.text())
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "release-registry-"))
    registry = await start(folder)
    released = await copy()
    before = manifests()
    released.change("take", { "@agent-runtime/mailbox": "major" }, "`take` fails when the mailbox has ended.")
    assert.deepInclude(await released.changeset(["version"]), success)
    writeFileSync(join(released.folder, ".npmrc"), registry.npmrc)
    const env = { npm_config_registry: registry.url, NPM_CONFIG_PROVENANCE: "false" }
    assert.deepInclude(await released.changeset(["publish"], env), success)
  })
  afterAll(async () => {
    released[Symbol.dispose]()
    await registry.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it("makes a major version of mailbox and patches of what comes with it, and leaves schema alone", () => {
    const after = manifests()
    assert.strictEqual(after["mailbox"]?.version, `${Number.parseInt(before["mailbox"]?.version ?? "", 10) + 1}.0.0`)
    assert.strictEqual(after["schema"]?.version, before["schema"]?.version)
    for (const name of ["core", "store-sql", "transport-http"]) {
      const [major, minor, patch] = (before[name]?.version ?? "").split(".").map(Number)
      assert.strictEqual(after[name]?.version, `${major}.${minor}.${Number(patch) + 1}`)
    }
  })

  it("leaves core asking for the new mailbox, and the others for the new core", async () => {
    const after = manifests()
    const core = await published("core")
    assert.deepStrictEqual(core.dependencies, {
      "@agent-runtime/mailbox": `^${after["mailbox"]?.version}`,
      "@agent-runtime/schema": `^${after["schema"]?.version}`
    })
    for (const name of ["store-sql", "transport-http"]) {
      const { dependencies } = await published(name)
      assert.strictEqual(dependencies?.["@agent-runtime/core"], `^${after["core"]?.version}`)
    }
  })

  it("leaves the ranges of effect as they are", async () => {
    for (const name of names) {
      assert.deepStrictEqual((await published(name)).peerDependencies, before[name]?.peerDependencies)
    }
  })

  it("tells the person who upgrades", () => {
    assert.include(released.changelog("mailbox"), "- `take` fails when the mailbox has ended.")
    assert.include(
      released.changelog("core"),
      `- Comes with \`@agent-runtime/mailbox\` ${released.manifest("mailbox").version}.`
    )
    assert.strictEqual(released.changelog("schema").includes("take"), false)
  })
})
