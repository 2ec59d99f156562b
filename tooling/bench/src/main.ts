/** Measures, and prints what was measured. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { allCases } from "./Cases.ts"
import { charts } from "./Chart.ts"
import { readArguments } from "./CommandLine.ts"
import { machine, versions } from "./Machine.ts"
import type { Report } from "./Report.ts"
import { runCases } from "./Runner.ts"
import { defaultNodeFlags, takeRound } from "./Sample.ts"
import { table } from "./Table.ts"

const { refuse, values } = readArguments(
  "bench [--only NAME]... [--quick] [--rounds N] [--minutes N] [--node-flags=FLAGS] [--json FILE] [--charts FOLDER] [--list]",
  {
    only: { type: "string", multiple: true },
    json: { type: "string" },
    charts: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    minutes: { type: "string", default: "30" },
    "node-flags": { type: "string", default: defaultNodeFlags },
    list: { type: "boolean", default: false }
  }
)

// A full name means that case alone, anything else every case whose name holds it.
const wanted = values.only ?? []
const all = await allCases()
const isWanted = (name: string): boolean =>
  wanted.some((only) => (all.some((case_) => case_.name === only) ? name === only : name.includes(only)))
const cases = wanted.length === 0 ? all : all.filter(({ name }) => isWanted(name))
if (cases.length === 0) refuse(`no case is named like ${wanted.join(", ")}: --list shows them`)

if (values.list) {
  for (const { measures, name } of cases) console.log(`${name}\n  ${measures}`)
  process.exit(0)
}

const fixed = values.quick || values.rounds !== undefined
const leastRounds = Number(values.rounds ?? (values.quick ? 2 : 5))
if (!Number.isInteger(leastRounds) || leastRounds < 1) refuse("--rounds wants a whole number of at least 1")
const minutes = Number(values.minutes)
if (!(minutes > 0)) refuse("--minutes wants a number above 0")
const nodeFlags = values["node-flags"].split(" ").filter((flag) => flag !== "")

// What cannot be written is told before the run, not after it.
if (values.json !== undefined) appendFileSync(values.json, "")
if (values.charts !== undefined) mkdirSync(values.charts, { recursive: true })

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

const failures: Array<string> = []
const begun = performance.now()
const results = await runCases(cases, {
  leastRounds,
  mostRounds: fixed ? leastRounds : 15,
  isTimeUp: () => performance.now() - begun > minutes * 60_000,
  take: (case_, contenders) => takeRound(case_, contenders, { quick: values.quick, nodeFlags }),
  onRound: (case_, round) =>
    progress(`round ${round + 1}  [${cases.indexOf(case_) + 1}/${cases.length}]  ${case_.name}`),
  onResult: (result) => {
    progress("")
    console.log(`${table(result)}\n`)
  },
  onFailure: ({ name }, error) => {
    progress("")
    failures.push(name)
    console.error(`${name} failed: ${error instanceof Error ? error.message : String(error)}\n`)
  }
})

const report: Report = { machine: { ...machine(), nodeFlags: nodeFlags.join(" ") }, versions: versions(), results }
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
if (values.charts !== undefined) {
  for (const [file, svg] of charts(results)) writeFileSync(join(values.charts, file), svg)
}

const targets = results.flatMap(({ targets }) => targets)
const missed = targets.filter(({ met }) => !met).length
console.log(`${results.length} figures; ${targets.length - missed} of ${targets.length} targets met`)
if (failures.length > 0) {
  console.error(`failed: ${failures.join(", ")}`)
  process.exitCode = 1
}
