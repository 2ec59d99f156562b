/** One sample: one contender of one case in a fresh process. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Case } from "./Case.ts"
import { watchMachine } from "./Disturbance.ts"

export interface Sample {
  readonly value: number
  /** What other processes used meanwhile, as a fraction of one processor. */
  readonly disturbance: number
}

export interface SampleOptions {
  readonly quick: boolean
  /** For every contender of the cases that measure time; they give them on to the processes that they start. */
  readonly nodeFlags: ReadonlyArray<string>
}

/**
 * V8 begins with a young generation of a megabyte, which a server under load fills and empties all the time: of
 * the processes of one program some grow it late, and can then run at half the speed of the others.
 */
export const defaultNodeFlags = "--min-semi-space-size=16"

const child = fileURLToPath(new URL("./child.ts", import.meta.url))

export const takeSample = (case_: Case, contender: string, { nodeFlags, quick }: SampleOptions): Promise<Sample> =>
  new Promise((resolve, reject) => {
    const disturbance = watchMachine()
    const flags = [...(case_.unit === "bytes" ? [] : nodeFlags), ...(case_.nodeFlags ?? [])]
    const process_ = spawn(process.execPath, [...flags, child, case_.name, contender], {
      // What a deployment runs: built packages, production mode.
      env: {
        ...process.env,
        NODE_ENV: "production",
        NODE_OPTIONS: "",
        ...(quick ? { BENCH_WARM_UP: "150", BENCH_DURATION: "250" } : {})
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 180_000
    })
    let output = ""
    let errors = ""
    process_.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    process_.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    process_.on("error", reject)
    process_.on("close", (code, signal) => {
      const line = output.trim().split("\n").at(-1) ?? ""
      if (code === 0 && line.startsWith("{")) {
        resolve({ value: Number(JSON.parse(line).sample), disturbance: disturbance() })
      } else reject(new Error(`${case_.name}, ${contender}: ended with ${signal ?? code}\n${errors.slice(-4000)}`))
    })
  })
