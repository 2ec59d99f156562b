/** Runs cases: their contenders in turn, each sample in a fresh process. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { ours, type Case } from "./Case.ts"
import { makeResult, type Result } from "./Report.ts"

export interface RunOptions {
  readonly rounds: number
  readonly quick: boolean
  /** Told before each sample, for a progress line. */
  readonly onSample: (case_: Case, contender: string, round: number) => void
}

const child = fileURLToPath(new URL("./child.ts", import.meta.url))

export const runCase = async (case_: Case, options: RunOptions): Promise<Result> => {
  const contenders = [ours, ...Object.keys(case_.peers)]
  const samples: Record<string, Array<number>> = Object.fromEntries(contenders.map((contender) => [contender, []]))
  for (let round = 0; round < options.rounds; round++) {
    // Each round starts with another contender, so that none always follows the same neighbour.
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]!
      const bound = case_.peers[contender]
      if (typeof bound !== "number") options.onSample(case_, contender, round)
      samples[contender]!.push(typeof bound === "number" ? bound : await sample(case_, contender, options.quick))
    }
  }
  const { [ours]: own, ...peers } = samples
  return makeResult(case_, own!, peers)
}

const sample = (case_: Case, contender: string, quick: boolean): Promise<number> =>
  new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [...(case_.nodeFlags ?? []), child, case_.name, contender], {
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
      if (code === 0 && line.startsWith("{")) resolve(Number(JSON.parse(line).sample))
      else reject(new Error(`${case_.name}, ${contender}: ended with ${signal ?? code}\n${errors.slice(-4000)}`))
    })
  })
