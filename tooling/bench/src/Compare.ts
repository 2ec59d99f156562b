/**
 * Two reports side by side. Ratios to the peers of the same run are compared, not absolute figures, so that a slower
 * machine or a busy neighbour is not taken for a slower package.
 */
import { isFixedTime, isLimit, type Report, type Result } from "./Report.ts"
import { median, spread } from "./Statistics.ts"

export interface Change {
  readonly name: string
  /** How good the second run was compared with the first: below 1 is slower (or larger). */
  readonly factor: number
  /** How far a factor may be from 1 before it means anything. */
  readonly noise: number
  readonly verdict: "slower" | "faster" | "same"
}

/** What two runs of the same code may differ in, however calm the machine was. */
export const minimalNoise = 0.1

/** Compares the cases that both reports hold. */
export const compare = (before: Report, after: Report): ReadonlyArray<Change> =>
  after.results.flatMap((next) => {
    const previous = before.results.find(({ name }) => name === next.name)
    return previous === undefined ? [] : [compareResult(previous, next)]
  })

const compareResult = (before: Result, after: Result): Change => {
  const shared = Object.keys(after.peers).filter((peer) => isShared(before, after, peer))
  const competitors = shared.filter((peer) => !isLimit(peer))
  // A case all of whose peers are limits is judged by them; one without peers beside it by its absolute figures.
  const peers = competitors.length > 0 ? competitors : shared
  const factor =
    peers.length > 0
      ? median(peers.map((peer) => after.peers[peer]!.ratio / before.peers[peer]!.ratio))
      : absolute(before, after)
  const own = spread(before.ours) + spread(after.ours)
  const others = peers.map((peer) => spread(before.peers[peer]!) + spread(after.peers[peer]!))
  // A quarter of all four spreads: half of the mean on each side of the ratio.
  const noise = Math.max(minimalNoise, (own + (others.length > 0 ? median(others) : 0)) / 4)
  return {
    name: after.name,
    factor,
    noise,
    verdict: factor < 1 - noise ? "slower" : factor > 1 + noise ? "faster" : "same"
  }
}

/** Whether a peer ran beside ours, or is a size, in both results. */
const isShared = (before: Result | undefined, { peers, unit }: Result, peer: string): boolean =>
  before?.peers[peer] !== undefined && !isFixedTime(unit, peers[peer]!)

export interface RatioChange {
  readonly name: string
  readonly peer: string
  readonly factor: number
}

/** Two runs of the same code should give every ratio within so much. */
export const repeatable = 0.15

/** The ratios that both reports hold, the ones that differ most first. */
export const ratioChanges = (before: Report, after: Report): ReadonlyArray<RatioChange> =>
  after.results
    .flatMap((next) => {
      const previous = before.results.find(({ name }) => name === next.name)
      return Object.entries(next.peers).flatMap(([peer, { ratio }]) =>
        isShared(previous, next, peer) ? [{ name: next.name, peer, factor: ratio / previous!.peers[peer]!.ratio }] : []
      )
    })
    .toSorted((a, b) => distance(b) - distance(a))

/** How far apart the two ratios are, the larger over the smaller: 0.2 is 20 %. */
export const distance = ({ factor }: RatioChange): number => Math.max(factor, 1 / factor) - 1

const absolute = (before: Result, after: Result): number =>
  after.unit === "ops/s" ? after.ours.median / before.ours.median : before.ours.median / after.ours.median
