// `pnpm check:examples [path prefix …]`: type-checks and runs every code block of the documentation.
import { join } from "node:path"
import { checkExamples } from "./checkExamples.ts"

const root = join(import.meta.dirname, "../../../..")
const prefixes = process.argv.slice(2).filter((argument) => argument !== "--")
const started = performance.now()
const { run, typeCheckedOnly, failures } = await checkExamples({ root, prefixes })
for (const { file, line, message } of failures) console.error(`${file}:${line}  ${message}\n`)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(`Examples: ${run} run, ${typeCheckedOnly} type-checked only, ${failures.length} failed (${seconds} s)`)
process.exitCode = failures.length === 0 ? 0 : 1
