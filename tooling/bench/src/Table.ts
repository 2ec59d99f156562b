/** One result as a table for the terminal. */
import { columns, figure, ratioText } from "./Format.ts"
import type { Result } from "./Report.ts"

export const table = (result: Result): string => {
  const { name, ours, peers, targets, unit } = result
  const rows = [
    [name, "median", "min", "max", "ratio", "target", ""],
    ["  ours", figure(unit, ours.median), figure(unit, ours.min), figure(unit, ours.max), "", "", ""],
    ...Object.entries(peers).map(([peer, summary]) => {
      const target = targets.find((target) => target.peer === peer)
      return [
        `  ${peer}`,
        figure(unit, summary.median),
        figure(unit, summary.min),
        figure(unit, summary.max),
        ratioText(summary.ratio),
        target === undefined ? "" : `≥ ${target.ratio}×`,
        target === undefined ? "" : target.met ? "met" : "NOT MET"
      ]
    })
  ]
  return columns(rows)
}
