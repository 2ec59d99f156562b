/**
 * How busy something else kept the machine while a sample was made: what `/proc` tells on Linux, and nothing elsewhere.
 *
 * The kernel adds what a process has used, with all that it started and waited for, to its parent when it ends. So the
 * time of all processors, less what this process and its children used, is what others used; but a sample has to end
 * every process that it starts.
 */
import { readFileSync } from "node:fs"

/** Processor time in hundredths of a second since the machine was started. */
export interface ProcessorTime {
  /** What all processes used, without the handling of interrupts. */
  readonly all: number
  /** What this process used, and the children of it that have ended. */
  readonly own: number
  /** What the host kept from this virtual machine. */
  readonly stolen: number
}

/** The time in the contents of `/proc/stat` and `/proc/self/stat`. */
export const parseProcessorTime = (machine: string, self: string): ProcessorTime => {
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = machine.split("\n")[0]!.split(/\s+/).slice(1).map(Number)
  // The name of the program, in parentheses, may hold spaces.
  const fields = self.slice(self.lastIndexOf(")") + 2).split(" ")
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { all: user + nice + system, own, stolen }
}

/** What others used and the host kept from `before` until `after`, as a fraction of one processor. */
export const disturbance = (before: ProcessorTime, after: ProcessorTime, millis: number): number => {
  const others = after.all - before.all - (after.own - before.own)
  return (10 * (Math.max(0, others) + after.stolen - before.stolen)) / millis
}

const read = (): ProcessorTime =>
  process.platform === "linux"
    ? parseProcessorTime(readFileSync("/proc/stat", "utf8"), readFileSync("/proc/self/stat", "utf8"))
    : { all: 0, own: 0, stolen: 0 }

/** Begins to watch; the answer tells the disturbance since then. */
export const watchMachine = (): (() => number) => {
  const before = read()
  const start = performance.now()
  return () => disturbance(before, read(), performance.now() - start)
}
