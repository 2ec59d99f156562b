// `pnpm release`: test, version, build, check, publish. It stops at the first step that fails; nothing is published before
// the last one.
import { execFileSync } from "node:child_process"
import { globSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../../..")

const step = (command: string, ...args: ReadonlyArray<string>) => {
  console.log(`> ${command} ${args.join(" ")}`)
  execFileSync(command, args, { cwd: root, stdio: "inherit" })
}

const changed = () => execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" }).trim() !== ""

try {
  if (changed()) throw new Error("The work tree has changes: what is released must be what is committed.")
  step("pnpm", "test")
  if (globSync(".changeset/*.md", { cwd: root }).length > 0) {
    step("pnpm", "run", "version")
    step("pnpm", "check:packages")
    step("git", "add", "--all")
    step("git", "commit", "--quiet", "--message", "Release")
  }
  step("changeset", "publish")
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
