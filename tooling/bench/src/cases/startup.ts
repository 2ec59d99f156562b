/** From starting a process to its first answer. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Case } from "../Case.ts"

/** Milliseconds until the server that `program` starts has answered a request; it says on which address it listens. */
const firstAnswer = (program: string, args: ReadonlyArray<string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    let answered: number | undefined
    const read = (chunk: Buffer) => {
      const before = output
      output += chunk.toString()
      const found = /http:\/\/[\w.[\]:]+:\d+/
      const address = found.exec(output)?.[0]
      if (address === undefined || found.test(before)) return
      fetch(`${address}/healthz`)
        .then((response) => response.text())
        .then(() => (answered = performance.now() - start), reject)
        .finally(() => child.kill("SIGKILL"))
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.on("error", reject)
    child.on("exit", (code) =>
      answered === undefined ? reject(new Error(`${program} ended with ${code}\n${output}`)) : resolve(answered)
    )
  })

const nothing = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(process.execPath, [...process.execArgv, "--eval", ""], { stdio: "ignore" })
    child.on("error", reject)
    child.on("exit", () => resolve(performance.now() - start))
  })

const app = fileURLToPath(new URL("../../../../apps/docs-assistant/dist/main.js", import.meta.url))

const startApp: Case = {
  name: "startup/app",
  measures: "The time from starting the built sample app to the answer to its first request, on a free port.",
  unit: "ms",
  ours: () => firstAnswer(app, ["--port", "0"]),
  peers: { "1.5 s": 1500, "limit: node doing nothing": nothing },
  targets: [{ peer: "1.5 s", ratio: 1 }]
}

export const cases: ReadonlyArray<Case> = [startApp]
