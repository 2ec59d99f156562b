// `pnpm build`: turbo builds what has changed, in one line of output unless something is wrong.
import { join } from "node:path"
import { run } from "../Subprocess.ts"

const root = join(import.meta.dirname, "../../../..")
const turbo = join(root, "node_modules/.bin/turbo")
const started = performance.now()
const { code, output } = await run(turbo, ["run", "build", "--output-logs=errors-only", "--log-prefix=none"], {
  cwd: root,
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" }
})
const seconds = ((performance.now() - started) / 1000).toFixed(1)
if (code === 0) {
  console.log(`Built (${seconds} s)`)
} else {
  const banner = /^ {3}• /
  console.error(
    output
      .split("\n")
      .filter((line) => !banner.test(line))
      .join("\n")
      .trim()
  )
  process.exitCode = 1
}
