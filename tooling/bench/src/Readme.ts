/** The performance section of the README, made from a report. */
import { figure, ratioText } from "./Format.ts"
import { isLimit, type Report, type Result } from "./Report.ts"

const start = "<!-- performance:start -->"
const end = "<!-- performance:end -->"

/** The section's text: every figure with its hardest peer and the limit, and where it was measured. */
export const performanceSection = (report: Report, charts: ReadonlyArray<string> = []): string => {
  const { arch, cores, cpu, date, memoryGiB, nodeFlags = "", os } = report.machine
  const versions = Object.entries(report.versions)
    .filter(([name]) => !name.startsWith("@agent-runtime/"))
    .map(([name, version]) => `${name} ${version}`)
  return [
    `Measured on ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os} (${arch}), ${String(date).slice(0, 10)}: medians of fresh ` +
      `processes that ran in turn${nodeFlags === "" ? "" : `, Node with \`${nodeFlags}\` for all contenders`}. ` +
      "Each figure is shown beside the peer it does worst against; the ratio is ours over the peer's " +
      "(for time and memory the peer's over ours), so more is always better.",
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
    peer === undefined ? "" : `${peer[0]} ${figure(unit, peer[1].median)}`,
    peer === undefined ? "" : ratioText(peer[1].ratio),
    limit === undefined ? "" : `${limit[0].replace(/^limit: /, "")} ${figure(unit, limit[1].median)}`
  ]
  return `| ${cells.join(" | ")} |`
}

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
