/** Figures as people read them. */
import type { Unit } from "./Case.ts"

export const figure = (unit: Unit, value: number): string => {
  if (unit === "bytes") return value >= 10_240 ? `${(value / 1024).toFixed(1)} KiB` : `${Math.round(value)} B`
  if (unit === "ms") return value >= 100 ? `${Math.round(value)} ms` : `${value.toPrecision(3)} ms`
  return `${scaled(value)}/s`
}

export const ratioText = (ratio: number): string => `${ratio >= 100 ? Math.round(ratio) : ratio.toPrecision(3)}×`

const scaled = (value: number): string =>
  value >= 1e6
    ? `${(value / 1e6).toPrecision(3)} M`
    : value >= 1e3
      ? `${(value / 1e3).toPrecision(3)} k`
      : value.toPrecision(3)

/** Rows of cells in columns, the first aligned left and the others right. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
