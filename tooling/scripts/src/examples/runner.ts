// Runs extracted examples one after the other in this process, so that `effect` is loaded once for all of them. An
// example is over when it leaves the event loop empty (`beforeExit`), whatever it forked; the parent watches the clock
// and starts a new process behind an example that hangs or exits.
import { readFileSync, writeSync } from "node:fs"
import { argv } from "node:process"
import { pathToFileURL } from "node:url"

/** What the runner tells its parent, one JSON line each on descriptor 3. */
export type Report =
  | { readonly kind: "started"; readonly file: string }
  | { readonly kind: "failed"; readonly file: string; readonly message: string }
  | { readonly kind: "over"; readonly file: string }

// Written synchronously: nothing is lost when an example calls `process.exit`.
const report = (value: Report) => writeSync(3, `${JSON.stringify(value)}\n`)

const files = readFileSync(argv[2] ?? 0, "utf8")
  .split("\n")
  .filter(Boolean)
let current: { readonly file: string; settled: boolean } | undefined

const fail = (cause: unknown) => {
  if (current === undefined) return
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  report({ kind: "failed", file: current.file, message })
}

const next = () => {
  if (current !== undefined) {
    if (!current.settled) fail("the example awaits something that never happens")
    if (process.exitCode) fail(`the example sets the exit code ${process.exitCode}`)
    process.exitCode = undefined
    report({ kind: "over", file: current.file })
    current = undefined
  }
  const file = files.shift()
  if (file === undefined) return
  const example = { file, settled: false }
  current = example
  report({ kind: "started", file })
  // `beforeExit` comes again only if the loop had something to do since the last one.
  setImmediate(() => {
    import(pathToFileURL(file).href).catch(fail).finally(() => {
      example.settled = true
    })
  })
}

process.on("uncaughtException", fail)
process.on("unhandledRejection", fail)
process.on("beforeExit", next)
