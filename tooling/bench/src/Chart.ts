/** Bar charts of a result as SVG, one bar a contender, without scripts or fonts of their own. */
import type { Unit } from "./Case.ts"
import { figure } from "./Format.ts"
import { isLimit, type Result } from "./Report.ts"

const width = 720
const labelWidth = 300
const barHeight = 22
const gap = 8
const top = 44

interface Bar {
  readonly label: string
  readonly value: number
  readonly color: string
}

export const chart = (result: Result): string => {
  const bars: ReadonlyArray<Bar> = [
    { label: "ours", value: result.ours.median, color: "#2563eb" },
    ...Object.entries(result.peers).map(([label, { median }]) => ({
      label,
      value: median,
      color: isLimit(label) ? "#d1d5db" : "#6b7280"
    }))
  ]
  const height = top + bars.length * (barHeight + gap) + gap
  const longest = Math.max(...bars.map(({ value }) => value))
  const room = width - labelWidth - 110
  const body = bars.flatMap((bar, i) =>
    barElements(bar, top + i * (barHeight + gap), (bar.value / longest) * room, result.unit)
  )
  const title = `${result.name}: ${better(result.unit)}`
  return document(title, height, body)
}

const lineColors = ["#2563eb", "#6b7280", "#d97706", "#059669"]

/** The points of a growth curve, `growth/<what>-<size>` each, as lines of microseconds per operation on two log scales. */
export const curve = (name: string, results: ReadonlyArray<Result>): string => {
  const height = 320
  const left = 70
  const bottom = height - 40
  const lines = lineNames(results).map((line) => ({
    line,
    points: results.flatMap((result, index) => {
      const summary = line === "ours" ? result.ours : result.peers[line]
      return summary === undefined ? [] : [{ index, micros: 1e6 / summary.median }]
    })
  }))
  const all = lines.flatMap(({ points }) => points.map(({ micros }) => Math.log10(micros)))
  const low = Math.floor(Math.min(...all))
  const high = Math.max(low + 1, Math.ceil(Math.max(...all)))
  const x = (index: number) => left + (index * (width - left - 150)) / Math.max(1, results.length - 1)
  const y = (micros: number) => bottom - ((Math.log10(micros) - low) / (high - low)) * (bottom - top)
  const title = `${name}: microseconds per operation, lower is better`
  const grid = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).flatMap((value) => [
    `<line x1="${left}" x2="${width - 150}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#e5e7eb"/>`,
    `<text x="${left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end" fill="#374151">${value}</text>`
  ])
  const labels = results.map(
    (result, index) =>
      `<text x="${x(index).toFixed(1)}" y="${bottom + 20}" text-anchor="middle" fill="#374151">${sizeOf(result.name)}</text>`
  )
  const drawn = lines.flatMap(({ line, points }, i) => {
    const color = lineColors[i % lineColors.length]!
    const path = points.map(({ index, micros }) => `${x(index).toFixed(1)},${y(micros).toFixed(1)}`).join(" ")
    return [
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
      `<text x="${width - 140}" y="${top + 16 + i * 20}" fill="${color}">${escape(line)}</text>`
    ]
  })
  return document(title, height, [...grid, ...labels, ...drawn])
}

const lineNames = (results: ReadonlyArray<Result>): ReadonlyArray<string> => [
  ...new Set(["ours", ...results.flatMap(({ peers }) => Object.keys(peers))])
]

const sizeOf = (name: string): string => Number(name.slice(name.lastIndexOf("-") + 1)).toLocaleString("en")

const curveOf = ({ name }: Result): string => name.slice(0, name.lastIndexOf("-"))

/** Every chart of a report by its file name: one for each figure, and one for each growth curve. */
export const charts = (results: ReadonlyArray<Result>): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const result of results) {
    if (!result.name.startsWith("growth/")) files.set(`${result.name.replaceAll("/", "-")}.svg`, chart(result))
  }
  const growth = results.filter(({ name }) => name.startsWith("growth/"))
  for (const name of new Set(growth.map(curveOf))) {
    const points = growth.filter((result) => curveOf(result) === name)
    files.set(`${name.replaceAll("/", "-")}.svg`, curve(name, points))
  }
  return files
}

const document = (title: string, height: number, body: ReadonlyArray<string>): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="26" font-size="15" font-weight="600" fill="#111827">${escape(title)}</text>`,
    ...body,
    "</svg>",
    ""
  ].join("\n")

const barElements = ({ color, label, value }: Bar, y: number, length: number, unit: Unit): ReadonlyArray<string> => [
  `<text x="${labelWidth - 8}" y="${y + 16}" text-anchor="end" fill="#111827">${escape(label)}</text>`,
  `<rect x="${labelWidth}" y="${y}" width="${Math.max(1, length).toFixed(1)}" height="${barHeight}" rx="3" fill="${color}"/>`,
  `<text x="${(labelWidth + Math.max(1, length) + 8).toFixed(1)}" y="${y + 16}" fill="#374151">${figure(unit, value)}</text>`
]

const better = (unit: Unit): string =>
  unit === "ops/s"
    ? "operations per second, longer is better"
    : unit === "ms"
      ? "time, shorter is better"
      : "size, shorter is better"

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
