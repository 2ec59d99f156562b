import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setImmediate } from "node:timers/promises"
import { Readable } from "node:stream"
import type { Extraction } from "./Extraction.ts"
import type { Fail } from "./Failure.ts"
import type { Report } from "./runner.ts"

/** Runs the paths from the first one on, until all have run or one takes the process down; returns those left. */
const runSome = async (root: string, folder: string, paths: ReadonlyArray<string>, timeout: number, fail: Fail) => {
  const list = join(folder, "list")
  writeFileSync(list, paths.join("\n"))
  const child = spawn(
    join(root, "node_modules/.bin/node"),
    ["--conditions=@agent-runtime/source", "--no-warnings", join(import.meta.dirname, "runner.ts"), list],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe", "pipe"] }
  )
  const reports = child.stdio[3]
  if (!(reports instanceof Readable)) throw new Error("the runner has no channel for reports")

  let current: string | undefined
  let ended = 0
  let printed = ""
  let hung = false
  let watchdog: NodeJS.Timeout | undefined
  child.stdout?.on("data", (chunk) => (printed += chunk))
  child.stderr?.on("data", (chunk) => (printed += chunk))

  const closed = new Promise<number | null>((resolve) => child.on("close", resolve))
  for await (const line of createInterface({ input: reports })) {
    const report: Report = JSON.parse(line)
    // What was printed before the report is in the other pipes by now: let it be read first.
    await setImmediate()
    if (report.kind === "failed") {
      fail(report.file, report.message, printed)
    } else if (report.kind === "over") {
      ended++
      current = undefined
    } else {
      current = report.file
      printed = ""
      clearTimeout(watchdog)
      watchdog = setTimeout(() => {
        hung = true
        child.kill("SIGKILL")
      }, timeout)
    }
  }
  const code = await closed
  clearTimeout(watchdog)

  if (current === undefined) {
    if (ended < paths.length) throw new Error(`the runner of the examples ended with code ${code}\n${printed}`)
    return []
  }
  if (hung) fail(current, `it still runs after ${timeout} ms`, printed)
  else if (code !== 0) fail(current, `it ends the process with code ${code}`, printed)
  return paths.slice(ended + 1)
}

/** Runs the examples that are programs, each to the end of what it started, at most `timeout` milliseconds. */
export const runPrograms = async (root: string, { files }: Extraction, timeout: number, fail: Fail) => {
  // What an example writes into its working directory goes with it.
  const folder = mkdtempSync(join(tmpdir(), "examples-"))
  try {
    let paths: ReadonlyArray<string> = files.filter((each) => each.example.runs && !each.test).map((each) => each.path)
    while (paths.length > 0) paths = await runSome(root, folder, paths, timeout, fail)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
