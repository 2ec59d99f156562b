import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { CrashPoint, Order, Report, Said } from "./protocol.ts"

/** The program that is killed, seen from its parent. */
export class Child {
  private readonly process: ChildProcess
  private readonly said: Array<(said: Said) => void> = []
  readonly ended: Promise<void>
  private readonly ready: Promise<void>
  private output = ""

  constructor(url: string, crash?: { readonly point: CrashPoint; readonly count: number }) {
    this.process = fork(join(import.meta.dirname, "program.ts"), [url], {
      execArgv: ["--conditions=@agent-runtime/source"],
      env: {
        ...process.env,
        ...(crash === undefined ? {} : { CRASH_POINT: crash.point, CRASH_COUNT: String(crash.count) })
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"]
    })
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on("data", (data) => (this.output += String(data)))
    }
    this.process.on("message", (said: Said) => {
      for (const listener of this.said) listener(said)
    })
    // A message may be on its way to a child that dies.
    this.process.on("error", () => {})
    this.ended = new Promise((resolve) => this.process.on("exit", () => resolve()))
    this.ready = this.next("ready").then(() => undefined)
    // One that is expected to die is never asked whether it came up.
    this.ready.catch(() => {})
  }

  on(listener: (said: Said) => void): void {
    this.said.push(listener)
  }

  order(order: Order): void {
    if (this.process.connected) this.process.send(order)
  }

  /** Fails with what it said if it does not come up. */
  up(): Promise<void> {
    return this.ready
  }

  async report(): Promise<ReadonlyArray<Report>> {
    const answer = this.next("report")
    this.order({ op: "report" })
    return (await answer).lines
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  kill(): void {
    this.process.kill("SIGKILL")
  }

  private next<T extends Said["op"]>(op: T): Promise<Extract<Said, { op: T }>> {
    return new Promise((resolve, reject) => {
      this.on((said) => {
        if (said.op === op) resolve(said as Extract<Said, { op: T }>)
        else if (said.op === "broken") reject(new Error(`${said.why}\n${this.output}`))
      })
      void this.ended.then(() => reject(new Error(`the child died before its ${op}\n${this.output}`)))
    })
  }
}
