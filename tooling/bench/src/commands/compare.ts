/**
 * Names what got slower from A to B than the noise allows, and then ends with 1; and the ratios that
 * two runs of the same code should not give.
 */
import { readArguments } from "../CommandLine.ts"
import { compare, distance, ratioChanges, repeatable } from "../Compare.ts"
import { columns, ratioText } from "../Format.ts"
import { readReport } from "../Report.ts"

const { positionals, refuse } = readArguments("bench:compare BEFORE.json AFTER.json", {}, true)
const [before, after] = positionals
if (before === undefined || after === undefined) throw refuse("bench:compare wants two JSON files")
const reports = [readReport(before), readReport(after)] as const
const changes = compare(...reports)
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

const ratios = ratioChanges(...reports)
const apart = ratios.filter((ratio) => distance(ratio) > repeatable)
console.log(`\n${apart.length} of ${ratios.length} ratios differ by more than ${repeatable * 100} %`)
if (apart.length > 0) {
  const rows = apart.map(({ factor, name, peer }) => [name, peer, ratioText(factor)])
  console.log(columns([["figure", "held against", "factor"], ...rows]))
}

const flags = reports.map(({ machine }) => String(machine["nodeFlags"] ?? ""))
if (flags[0] !== flags[1]) console.error(`the reports were made with other flags: "${flags.join('" and "')}"`)

const slower = changes.filter(({ verdict }) => verdict === "slower")
if (slower.length > 0) {
  console.error(`slower than the noise allows: ${slower.map(({ name }) => name).join(", ")}`)
  process.exitCode = 1
}
