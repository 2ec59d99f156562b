import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"

// The linter runs with the repository's own configuration over a copy of the sources, in which a forbidden import is
// planted: a rule that has stopped biting turns this red, and the work tree is never touched.

const root = join(import.meta.dirname, "../../..")
let copy: string

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "layering-"))
  cpSync(join(root, ".oxlintrc.json"), join(copy, ".oxlintrc.json"))
  for (const name of readdirSync(join(root, "packages"))) {
    cpSync(join(root, "packages", name, "src"), join(copy, "packages", name, "src"), { recursive: true })
  }
})

afterEach(() => rmSync(copy, { recursive: true, force: true }))

const plant = (file: string, text: string) => {
  const path = join(copy, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** The findings of the linter in the planted files, as `rule: message` lines. */
const findings = () => {
  const { stdout, stderr } = spawnSync(
    join(root, "node_modules/.bin/oxlint"),
    ["--deny-warnings", "--format", "unix", "packages"],
    { cwd: copy, encoding: "utf8" }
  )
  assert.match(stdout + stderr, /problem|^$/, `oxlint did not run: ${stderr}`)
  return stdout.split("\n").filter((line) => line.includes("/Planted"))
}

const restricted = (lines: ReadonlyArray<string>) => lines.filter((line) => line.includes("no-restricted-imports"))

const forbidden = [
  ["mailbox", "@agent-runtime/core"],
  ["mailbox", "@agent-runtime/schema"],
  ["mailbox", "@agent-runtime/core/RuntimeManager"],
  ["mailbox", "node:fs"],
  ["mailbox", "effect/http"],
  ["schema", "@agent-runtime/core"],
  ["schema", "@agent-runtime/mailbox"],
  ["schema", "node:crypto"],
  ["core", "@agent-runtime/transport-http"],
  ["core", "@agent-runtime/store-sql"],
  ["core", "@agent-runtime/cluster"],
  ["core", "effect/sql/SqlClient"],
  ["transport-http", "@agent-runtime/store-sql"],
  ["transport-http", "@agent-runtime/mailbox"],
  ["store-sql", "@agent-runtime/transport-http"],
  ["cluster", "@agent-runtime/transport-http"],
  ["cluster", "@agent-runtime/store-sql"]
] as const

const allowed = [
  ["mailbox", "effect/Queue"],
  ["schema", "effect"],
  ["core", "@agent-runtime/mailbox"],
  ["core", "@agent-runtime/schema/Agent"],
  ["transport-http", "@agent-runtime/core"],
  ["store-sql", "effect/sql"],
  ["store-sql", "node:sqlite"],
  ["cluster", "@agent-runtime/schema"]
] as const

describe("layering", () => {
  it("refuses each import that points up or sideways", () => {
    for (const [index, [layer, specifier]] of forbidden.entries()) {
      plant(`packages/${layer}/src/internal/Planted${index}.ts`, `export * from "${specifier}"\n`)
    }
    const found = restricted(findings())
    for (const [index, [layer, specifier]] of forbidden.entries()) {
      assert.isTrue(
        found.some((line) => line.includes(`packages/${layer}/src/internal/Planted${index}.ts`)),
        `${layer} may import ${specifier}`
      )
    }
  })

  it("refuses an upward import however it is written", () => {
    const spellings = [
      `import "@agent-runtime/core"`,
      `import type { RuntimeManager } from "@agent-runtime/core"\nexport type Planted = typeof RuntimeManager`,
      `export const planted = () => import("@agent-runtime/core")`,
      `export * as Planted from "../../core/src/index.ts"`
    ]
    for (const [index, text] of spellings.entries()) {
      plant(`packages/mailbox/src/Planted${index}.ts`, `${text}\n`)
    }
    const found = restricted(findings())
    for (const [index, text] of spellings.entries()) {
      assert.isTrue(
        found.some((line) => line.includes(`Planted${index}.ts`)),
        text
      )
    }
  })

  it("accepts the imports that point down", () => {
    for (const [index, [layer, specifier]] of allowed.entries()) {
      plant(`packages/${layer}/src/Planted${index}.ts`, `export * from "${specifier}"\n`)
    }
    assert.deepStrictEqual(restricted(findings()), [])
  })

  it("refuses a cycle of imports", () => {
    plant("packages/core/src/PlantedA.ts", `import { b } from "./PlantedB.ts"\nexport const a = (): number => b()\n`)
    plant("packages/core/src/PlantedB.ts", `import { a } from "./PlantedA.ts"\nexport const b = (): number => a()\n`)
    assert.isTrue(findings().some((line) => line.includes("no-cycle")))
  })
})
