/** One round of a case: a sample of each contender, every one in a fresh process. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Case } from "./Case.ts"
import { watchMachine } from "./Disturbance.ts"
import * as Probe from "./Probe.ts"

export interface Round {
  /** A sample of each contender. */
  readonly samples: Readonly<Record<string, number>>
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
 * the processes of one program some grow it late, and can then run at half the speed of the others. And it gives memory back
 * while a process waits for its turn, as one under load does not.
 */
export const defaultNodeFlags = "--min-semi-space-size=16 --no-memory-reducer"

const child = fileURLToPath(new URL("./child.ts", import.meta.url))

/**
 * Starts the contenders one after the other, and then has them measure in turns of a tenth of a second: what slows the
 * machine for a second slows all of them. A contender that cannot be interrupted does all its work when it is started.
 */
export const takeRound = async (
  case_: Case,
  contenders: ReadonlyArray<string>,
  options: SampleOptions
): Promise<Round> => {
  const disturbance = watchMachine()
  const started: Array<Running> = []
  try {
    for (const contender of contenders) {
      const running = start(case_, contender, options)
      started.push(running)
      await running.paused
    }
    const isMeasuring = ({ sample }: Running): boolean => sample === undefined
    while (started.some(isMeasuring)) {
      for (const running of started) if (isMeasuring(running)) await running.go()
    }
    const samples = Object.fromEntries(contenders.map((contender, i) => [contender, started[i]!.sample!]))
    return { samples, disturbance: disturbance() }
  } finally {
    for (const { kill } of started) kill()
  }
}

/** The process of one contender. */
interface Running {
  /** Once it waits for a turn or has ended; fails when it has ended without a sample. */
  readonly paused: Promise<unknown>
  /** Known once it has ended. */
  sample: number | undefined
  /** Gives it a turn, until it waits for the next or has ended. */
  readonly go: () => Promise<unknown>
  readonly kill: () => void
}

const start = (case_: Case, contender: string, { nodeFlags, quick }: SampleOptions): Running => {
  const process_ = fork(child, [case_.name, contender], {
    execArgv: [...(case_.unit === "bytes" ? [] : nodeFlags), ...(case_.nodeFlags ?? [])],
    // What a deployment runs: built packages, production mode.
    env: {
      ...process.env,
      NODE_ENV: "production",
      NODE_OPTIONS: "",
      BENCH_PROBE: String(Probe.known()),
      ...(quick ? { BENCH_WARM_UP: "150", BENCH_DURATION: "250" } : {})
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    timeout: 180_000
  })
  let output = ""
  let errors = ""
  process_.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()))
  process_.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()))
  const ended = once(process_, "close").then(([code, signal]) => {
    const line = output.trim().split("\n").at(-1) ?? ""
    if (code === 0 && line.startsWith("{")) running.sample = Number(JSON.parse(line).sample)
    else throw new Error(`${case_.name}, ${contender}: ended with ${signal ?? code}\n${errors.slice(-4000)}`)
  })
  const pause = () => Promise.race([once(process_, "message").then(([fastest]) => Probe.learn(fastest)), ended])
  const running: Running = {
    paused: pause(),
    sample: undefined,
    go: () => {
      const paused = pause()
      process_.send(Probe.known(), () => {})
      return paused
    },
    kill: () => process_.kill("SIGKILL")
  }
  return running
}
