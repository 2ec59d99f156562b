/** `bench [--only NAME] [--json FILE] [--charts FOLDER] [--quick] [--rounds N] [--list]` */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { allCases } from "./Cases.ts"
import { charts } from "./Chart.ts"
import { machine, versions } from "./Machine.ts"
import type { Report, Result } from "./Report.ts"
import { runCase } from "./Runner.ts"
import { table } from "./Table.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    json: { type: "string" },
    charts: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    list: { type: "boolean", default: false }
  }
})

// A full name means that case alone, anything else every case whose name holds it.
const wanted = values.only ?? []
const all = await allCases()
const isWanted = (name: string): boolean =>
  wanted.some((only) => (all.some((case_) => case_.name === only) ? name === only : name.includes(only)))
const cases = wanted.length === 0 ? all : all.filter(({ name }) => isWanted(name))
if (cases.length === 0) throw new Error(`no case is named like ${wanted.join(", ")}`)

if (values.list) {
  for (const { measures, name } of cases) console.log(`${name}\n  ${measures}`)
  process.exit(0)
}

const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number of at least 1")

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

const results: Array<Result> = []
const failures: Array<string> = []
for (const [index, case_] of cases.entries()) {
  try {
    const result = await runCase(case_, {
      rounds,
      quick: values.quick,
      onSample: ({ name }, contender, round) =>
        progress(`[${index + 1}/${cases.length}] ${name}  round ${round + 1}/${rounds}  ${contender}`)
    })
    results.push(result)
    progress("")
    console.log(`${table(result)}\n`)
  } catch (error) {
    progress("")
    failures.push(case_.name)
    console.error(`${case_.name} failed: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

const report: Report = { machine: machine(), versions: versions(), results }
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
if (values.charts !== undefined) {
  mkdirSync(values.charts, { recursive: true })
  for (const [file, svg] of charts(results)) writeFileSync(join(values.charts, file), svg)
}

const targets = results.flatMap(({ targets }) => targets)
const missed = targets.filter(({ met }) => !met).length
console.log(`${results.length} figures; ${targets.length - missed} of ${targets.length} targets met`)
if (failures.length > 0) {
  console.error(`failed: ${failures.join(", ")}`)
  process.exitCode = 1
}
