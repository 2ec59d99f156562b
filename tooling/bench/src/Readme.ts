/** The performance section of the README, made from a report. */
import type { Unit } from "./Case.ts"
import { figure, ratioText } from "./Format.ts"
import { isLimit, type PeerResult, type Report, type Result } from "./Report.ts"

const start = "<!-- performance:start -->"
const end = "<!-- performance:end -->"

/** The section's text: every figure with its hardest peer and the limit, and where it was measured. */
export const performanceSection = (report: Report, charts: ReadonlyArray<string> = []): string => {
  const { arch, cores, cpu, date, memoryGiB, nodeFlags = "", os } = report.machine
  const versions = Object.entries(report.versions)
    .filter(([name]) => !name.startsWith("@agent-runtime/"))
    .map(([name, version]) => `${name} ${version}`)
  return [
    `Measured on ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os} (${arch}), ${String(date).slice(0, 10)}` +
      `${nodeFlags === "" ? "" : `, all contenders under \`node ${nodeFlags}\``}. ` +
      "A figure is the median of several rounds, each in a fresh process. It is held against the peer that makes it look " +
      "worst, or against a fixed bound. The ratio is ours divided by the peer's; for time and memory it is the peer's " +
      "divided by ours, so a higher ratio is always better. The limit is the same work with nothing around it.",
    "",
    "| figure | ours | held against | ratio | limit |",
    "| --- | ---: | --- | ---: | --- |",
    ...report.results.filter(({ name }) => !name.startsWith("growth/")).map(row),
    "",
    ...charts.map((file) => `![${file.replace(/^.*\//, "").replace(/\.svg$/, "")}](${file})`),
    ...(charts.length === 0 ? [] : [""]),
    `Versions: ${versions.join(", ")}.`
  ].join("\n")
}

const row = (result: Result): string => {
  const { name, ours, unit } = result
  const peer = hardest(result, false)
  const limit = hardest(result, true)
  const cells = [
    `\`${name}\``,
    figure(unit, ours.median),
    peer === undefined ? "" : heldAgainst(unit, ...peer),
    peer === undefined ? "" : ratioText(peer[1].ratio),
    limit === undefined ? "" : `${limit[0].replace(/^limit: /, "")} ${figure(unit, limit[1].median)}`
  ]
  return `| ${cells.join(" | ")} |`
}

/** A fixed bound is named by its figure. */
const heldAgainst = (unit: Unit, peer: string, { median }: PeerResult): string =>
  /^\d/.test(peer) ? peer : `${peer} ${figure(unit, median)}`

/** The peer, or the limit, against which ours looks worst. */
const hardest = (result: Result, limit: boolean) =>
  Object.entries(result.peers)
    .filter(([peer]) => isLimit(peer) === limit)
    .sort(([, a], [, b]) => a.ratio - b.ratio)[0]

/** Puts the section between the markers of a README; fails when it has none. */
export const replaceSection = (readme: string, section: string): string => {
  const from = readme.indexOf(start)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the README lacks the markers ${start} and ${end}`)
  return `${readme.slice(0, from + start.length)}\n\n${section}\n\n${readme.slice(to)}`
}
