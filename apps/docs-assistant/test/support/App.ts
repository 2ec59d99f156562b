/**
 * The assistant as its users run it: a process of its own, spoken to over HTTP.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** What `pnpm start` starts, made by `pnpm build`. */
export const built: string = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

export interface App {
  readonly url: string
  readonly output: () => string
  /** Sends a signal and answers the exit code (`null` where the signal ended it) and what was written to standard error. */
  readonly stop: (signal: NodeJS.Signals) => Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly stderr: string
}

const run = (args: ReadonlyArray<string>, env: Record<string, string>, program = main) => {
  const child = spawn(process.execPath, ["--conditions=@agent-runtime/source", "--no-warnings", program, ...args], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: join(tmpdir(), "docs-assistant-compiled"), ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const output = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
  const ended = once(child, "close").then(([code]): Ended => ({ code, stderr: output.stderr }))
  return { child, output, ended }
}

/**
 * Starts the assistant on a free port and answers once it listens.
 */
export const start = async (
  args: ReadonlyArray<string>,
  env: Record<string, string> = {},
  program = main
): Promise<App> => {
  const { child, ended, output } = run(["--port", "0", ...args], env, program)
  const url = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const found = /http:\/\/\S+:\d+/.exec(output.stdout)
      if (found !== null) resolve(found[0])
    }
    child.stdout.on("data", look)
    void ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)))
  })
  return {
    url,
    output: () => output.stdout,
    stop: (signal) => {
      child.kill(signal)
      return ended
    }
  }
}

/**
 * Runs the assistant with options that it cannot start with.
 */
export const fail = (args: ReadonlyArray<string>, env: Record<string, string> = {}): Promise<Ended> =>
  run(args, env).ended

/**
 * Sends JSON and answers what comes back.
 */
export const post = async (
  url: string,
  body: unknown
): Promise<{ readonly status: number; readonly body: unknown }> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  return { status: response.status, body: await response.json() }
}

export const get = async (url: string): Promise<unknown> => (await fetch(url)).json()

/**
 * The events of a stream as they come, each with its name and data. Ends with the connection.
 */
export async function* events(
  url: string,
  headers: Record<string, string> = {}
): AsyncGenerator<{ readonly id: string | undefined; readonly event: string; readonly data: unknown }> {
  const response = await fetch(url, { headers })
  let text = ""
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n")
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const event = field("event")
      if (event !== undefined) yield { id: field("id"), event, data: JSON.parse(field("data") ?? "null") }
    }
  }
}
