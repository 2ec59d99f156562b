import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { run } from "../Subprocess.ts"
import type { Extraction } from "./Extraction.ts"
import type { Fail } from "./Failure.ts"

interface VitestReport {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly failureMessages: ReadonlyArray<string> }>
  }>
}

/** Runs the examples that are tests in one run of vitest. */
export const runTests = async (root: string, { files, folder }: Extraction, fail: Fail) => {
  const tests = files.filter((each) => each.example.runs && each.test)
  if (tests.length === 0) return
  const report = join(folder, "report.json")
  const config = join(folder, "vitest.config.mts")
  const test = { root, include: [`**/.examples/${basename(folder)}/*.test.ts`] }
  writeFileSync(
    config,
    `import base from ${JSON.stringify(join(root, "vitest.config.ts"))}\n` +
      `export default { ...base, test: { ...base.test, ...${JSON.stringify(test)} } }\n`
  )
  const vitest = join(root, "node_modules/.bin/vitest")
  const { output } = await run(vitest, ["run", "--config", config, "--reporter=json", `--outputFile=${report}`], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" }
  })
  if (!existsSync(report)) throw new Error(`vitest did not run\n${output}`)
  const { testResults }: VitestReport = JSON.parse(readFileSync(report, "utf8"))
  for (const { path } of tests) {
    const result = testResults.find((each) => each.name === path)
    if (result === undefined) fail(path, "vitest did not find it", output)
    else if (result.status !== "passed") {
      const messages = result.assertionResults.flatMap((each) => each.failureMessages)
      fail(path, [result.message, ...messages].filter(Boolean).join("\n"), "")
    }
  }
}
