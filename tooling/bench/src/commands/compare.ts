/** `bench:compare A.json B.json` names what got slower from A to B than the noise allows, and then ends with 1. */
import { compare } from "../Compare.ts"
import { columns, ratioText } from "../Format.ts"
import { readReport } from "../Report.ts"

const [before, after] = process.argv.slice(2)
if (before === undefined || after === undefined) throw new Error("bench:compare wants two JSON files")
const changes = compare(readReport(before), readReport(after))
console.log(
  columns([
    ["figure", "factor", "noise", "verdict"],
    ...changes.map(({ factor, name, noise, verdict }) => [
      name,
      ratioText(factor),
      `± ${Math.round(noise * 100)} %`,
      verdict
    ])
  ])
)
const slower = changes.filter(({ verdict }) => verdict === "slower")
if (slower.length > 0) {
  console.error(`slower than the noise allows: ${slower.map(({ name }) => name).join(", ")}`)
  process.exitCode = 1
}
