import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { type Manifest, packages, root } from "../packages/Workspace.ts"
import { type Result, run } from "../Subprocess.ts"

/** A copy of what a release reads and writes, to release without consequences. */
export interface Copy extends Disposable {
  readonly folder: string
  /** Adds a changeset. */
  readonly change: (name: string, releases: Record<string, string>, summary: string) => void
  readonly changeset: (args: ReadonlyArray<string>, env?: Record<string, string>) => Promise<Result>
  /** The manifest of a package, by the name of its folder. */
  readonly manifest: (name: string) => Manifest
  /** The changelog of a package; empty when it has none. */
  readonly changelog: (name: string) => string
}

/** Copies the packages as they are built, without the changesets that wait. */
export const copy = async (): Promise<Copy> => {
  const folder = mkdtempSync(join(tmpdir(), "release-"))
  const path = (file: string) => join(folder, file)
  for (const file of [
    "package.json",
    "pnpm-workspace.yaml",
    ".changeset/config.json",
    "tooling/scripts/package.json",
    "tooling/scripts/src/release"
  ]) {
    cpSync(join(root, file), path(file), { recursive: true })
  }
  for (const each of packages) {
    const target = path(relative(root, each.folder))
    cpSync(each.folder, target, { recursive: true, filter: (source) => !source.endsWith("/node_modules") })
    // What an installation links.
    mkdirSync(join(target, "node_modules/@agent-runtime"), { recursive: true })
    for (const other of packages) {
      if (other.manifest.name in (each.manifest.dependencies ?? {})) {
        symlinkSync(`../../../${other.name}`, join(target, "node_modules", other.manifest.name))
      }
    }
  }
  symlinkSync(join(root, "node_modules"), path("node_modules"))
  writeFileSync(path(".gitignore"), "node_modules\n")
  const identity = ["-c", "user.name=release", "-c", "user.email=release@localhost"]
  for (const args of [
    ["init", "--quiet", "--initial-branch", "main"],
    ["add", "."],
    [...identity, "commit", "--quiet", "--message", "Copy"]
  ]) {
    const { code, output } = await run("git", args, { cwd: folder })
    if (code !== 0) throw new Error(`git ${args.join(" ")} ended with code ${code}\n${output}`)
  }
  return {
    folder,
    change: (name, releases, summary) => {
      const lines = Object.entries(releases).map(([released, type]) => `"${released}": ${type}`)
      writeFileSync(path(`.changeset/${name}.md`), `---\n${lines.join("\n")}\n---\n\n${summary}\n`)
    },
    changeset: (args, env = {}) =>
      run(join(root, "node_modules/.bin/changeset"), args, { cwd: folder, env: { ...process.env, ...env } }),
    manifest: (name) => JSON.parse(readFileSync(path(`packages/${name}/package.json`), "utf8")),
    changelog: (name) => {
      const file = path(`packages/${name}/CHANGELOG.md`)
      return existsSync(file) ? readFileSync(file, "utf8") : ""
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true })
  }
}
