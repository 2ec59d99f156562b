/** Writes the performance section between the README's markers, and its charts. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, dirname } from "node:path"
import { charts } from "../Chart.ts"
import { readArguments } from "../CommandLine.ts"
import { performanceSection, replaceSection } from "../Readme.ts"
import { readReport } from "../Report.ts"

const { positionals, refuse } = readArguments("bench:readme REPORT.json [README.md] [CHART.svg ...]", {}, true)
const [json, file = "README.md", ...paths] = positionals
if (json === undefined) throw refuse("bench:readme wants a JSON file")
const report = readReport(json)
const drawn = charts(report.results)
for (const path of paths) {
  const svg = drawn.get(basename(path))
  if (svg === undefined) throw new Error(`${path} is no chart of ${json}: ${[...drawn.keys()].join(", ")}`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, svg)
}
writeFileSync(file, replaceSection(readFileSync(file, "utf8"), performanceSection(report, paths)))
