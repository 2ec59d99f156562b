// `pnpm docs:build` writes the site to `dist`; with `serve` it is then served on 127.0.0.1, on PORT or a free port.
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { serve } from "./serve.ts"
import { buildSite } from "./Site.ts"

const started = performance.now()
const { files, problems } = await buildSite(join(import.meta.dirname, "../../.."))
const dist = join(import.meta.dirname, "../dist")
rmSync(dist, { recursive: true, force: true })
for (const [path, content] of files) {
  mkdirSync(dirname(join(dist, path)), { recursive: true })
  writeFileSync(join(dist, path), content)
}
console.log(`tooling/docs/dist: ${files.size} files (${((performance.now() - started) / 1000).toFixed(1)} s)`)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
if (process.argv.includes("serve")) console.log(await serve(files, Number(process.env["PORT"] ?? 4300)))
