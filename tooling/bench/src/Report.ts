/** The JSON that `bench --json` writes and that the comparison, the charts and the README section read. */
import { readFileSync } from "node:fs"
import { ratio, type Case, type Unit } from "./Case.ts"
import { median, medianInterval, summarize, type Summary } from "./Statistics.ts"

export interface PeerResult extends Summary {
  readonly ratio: number
}

export interface TargetResult {
  readonly peer: string
  readonly ratio: number
  readonly met: boolean
}

export interface Result {
  readonly name: string
  readonly unit: Unit
  readonly ours: Summary
  readonly peers: Readonly<Record<string, PeerResult>>
  readonly targets: ReadonlyArray<TargetResult>
  /** Absent, as the next two are, from what was measured before they were told. */
  readonly rounds?: number
  /** How far off the ratio that is known least may be: 0.05 is 5 % to either side. */
  readonly uncertainty?: number
  /** How many rounds were made while other processes kept the machine busy. */
  readonly disturbed?: number
}

export type MeasuredResult = Result & Required<Pick<Result, "rounds" | "uncertainty">>

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly versions: Readonly<Record<string, string>>
  readonly results: ReadonlyArray<Result>
}

/** The prefix of a peer that is no competitor but the ceiling. */
export const limitPrefix = "limit: "

export const isLimit = (peer: string): boolean => peer.startsWith(limitPrefix)

/** Turns the samples of one case, by contender, into its result. */
export const makeResult = (
  case_: Pick<Case, "name" | "unit" | "targets">,
  own: ReadonlyArray<number>,
  peers: Readonly<Record<string, ReadonlyArray<number>>>
): MeasuredResult => {
  const ours = summarize(own)
  // Of each round, whose contenders ran side by side: what slowed one of them slowed the other.
  const ratios = (peer: string) => peers[peer]!.map((sample, round) => ratio(case_.unit, own[round]!, sample))
  const results = Object.fromEntries(
    Object.entries(peers).map(([peer, samples]): [string, PeerResult] => {
      return [peer, { ...summarize(samples), ratio: median(ratios(peer)) }]
    })
  )
  return {
    name: case_.name,
    unit: case_.unit,
    ours,
    peers: results,
    targets: case_.targets.map(({ peer, ratio }) => {
      const result = results[peer]
      if (result === undefined) throw new Error(`${case_.name}: the target names the unknown peer "${peer}"`)
      return { peer, ratio, met: result.ratio >= ratio }
    }),
    rounds: own.length,
    uncertainty: Math.max(
      0,
      ...Object.keys(peers)
        .filter((peer) => !isFixedTime(case_.unit, results[peer]!))
        .map((peer) => uncertainty(results[peer]!.ratio, ratios(peer)))
    )
  }
}

/** A bound such as `2 s`: nothing ran beside ours, so that the ratio follows the speed of the host and never settles. */
export const isFixedTime = (unit: Unit, { max, min }: Summary): boolean => unit === "ms" && min === max

/** How far off the ratio may be, told by those of the rounds. */
const uncertainty = (of: number, ratios: ReadonlyArray<number>): number => {
  const [low, high] = medianInterval(ratios)
  return Math.max(high / of, of / low) - 1
}

/** Reads a report from a file; fails when the file holds something else. */
export const readReport = (file: string): Report => {
  const report: unknown = JSON.parse(readFileSync(file, "utf8"))
  if (!isReport(report)) throw new TypeError(`${file} is no benchmark report`)
  return report
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isSummary = (value: unknown): boolean =>
  isRecord(value) && [value["median"], value["min"], value["max"]].every(Number.isFinite)

const isResult = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value["name"] === "string" &&
  typeof value["unit"] === "string" &&
  isSummary(value["ours"]) &&
  isRecord(value["peers"]) &&
  Object.values(value["peers"]).every((peer) => isSummary(peer) && isRecord(peer) && Number.isFinite(peer["ratio"])) &&
  Array.isArray(value["targets"])

const isReport = (value: unknown): value is Report =>
  isRecord(value) &&
  isRecord(value["machine"]) &&
  isRecord(value["versions"]) &&
  Array.isArray(value["results"]) &&
  value["results"].every(isResult)
