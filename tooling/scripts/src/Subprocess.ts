import { spawn, type SpawnOptions } from "node:child_process"

export interface Result {
  /** `null` when a signal ended the process. */
  readonly code: number | null
  /** Standard output and standard error, as they came. */
  readonly output: string
}

/** Runs a command to its end and keeps what it prints. */
export const run = (command: string, args: ReadonlyArray<string>, options: SpawnOptions = {}): Promise<Result> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    child.stdout?.on("data", (chunk) => (output += chunk))
    child.stderr?.on("data", (chunk) => (output += chunk))
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, output }))
  })
