/** One contender of one case in a fresh process: `node child.ts CASE CONTENDER` answers `{ "sample": number }`. */
import { findCase } from "./Cases.ts"
import { ours } from "./Case.ts"
import * as Heap from "./Heap.ts"
import * as Probe from "./Probe.ts"

const [name = "", contender = ""] = process.argv.slice(2)
const case_ = await findCase(name)
const run = contender === ours ? case_.ours : case_.peers[contender]
if (typeof run !== "function") throw new Error(`${name} has no contender "${contender}"`)
// As NodeRuntime does: what waits for a worker or a timer that holds nothing must not end the process.
setInterval(() => {}, 60_000)
Probe.learn(Number(process.env["BENCH_PROBE"] ?? Number.POSITIVE_INFINITY))
if (case_.unit !== "bytes") Heap.warm()
// What cannot be interrupted at least begins when the processor is its own.
if (case_.unit === "ms") await Probe.untilCalm()
const sample = await run()
if (!Number.isFinite(sample)) throw new Error(`${name} answered ${sample} for "${contender}"`)
process.stdout.write(`${JSON.stringify({ sample })}\n`, () => process.exit(0))
