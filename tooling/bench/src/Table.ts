/** One result as a table for the terminal. */
import { columns, figure, ratioText } from "./Format.ts"
import type { Result } from "./Report.ts"

export const table = (result: Result): string => {
  const { disturbed = 0, name, ours, peers, rounds = 0, targets, uncertainty = 0, unit } = result
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
  return [
    columns(rows),
    `  rounds: ${rounds}; ratios known to within ${Math.ceil(uncertainty * 100)} %` +
      (disturbed > 0 ? `; rounds that others disturbed: ${disturbed}` : "")
  ].join("\n")
}
