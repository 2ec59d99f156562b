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
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="26" font-size="15" font-weight="600" fill="#111827">${escape(title)}</text>`,
    ...body,
    "</svg>",
    ""
  ].join("\n")
}

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
