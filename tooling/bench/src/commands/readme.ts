/** `bench:readme REPORT.json [README.md] [CHART.svg ...]` writes the performance section between the README's markers. */
import { readFileSync, writeFileSync } from "node:fs"
import { performanceSection, replaceSection } from "../Readme.ts"
import { readReport } from "../Report.ts"

const [json, file = "README.md", ...charts] = process.argv.slice(2)
if (json === undefined) throw new Error("bench:readme wants a JSON file")
writeFileSync(file, replaceSection(readFileSync(file, "utf8"), performanceSection(readReport(json), charts)))
