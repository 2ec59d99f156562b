/**
 * A case is one figure: what ours does, what its peers do for the same work, and what is to be reached.
 *
 * Every contender runs in a process of its own and answers one sample in the case's unit.
 */

/** What a figure counts: operations per second are better when higher, the others when lower. */
export type Unit = "ops/s" | "ms" | "bytes"

/** Runs the work once, warmed up, and answers one sample in the case's unit. */
export type Contender = () => Promise<number>

/** Ours must be at least `ratio` times as good as `peer`. */
export interface Target {
  readonly peer: string
  readonly ratio: number
}

export interface Case {
  /** `group/figure`; the group is the file in `cases/` that holds it. */
  readonly name: string
  /** One sentence: what is measured, and what is not. */
  readonly measures: string
  readonly unit: Unit
  readonly ours: Contender
  /** A name that begins with `limit: ` is no competitor but the ceiling of the machine; a number is a fixed bound. */
  readonly peers: Readonly<Record<string, Contender | number>>
  readonly targets: ReadonlyArray<Target>
  /** Flags for the processes that measure, such as `--expose-gc`. */
  readonly nodeFlags?: ReadonlyArray<string>
  /** Every sample is the same, so that one is enough. */
  readonly exact?: boolean
}

/** The name under which our own contender runs. */
export const ours = "ours"

/** Ours over the peer's where more is better, the peer's over ours where less is. */
export const ratio = (unit: Unit, own: number, peer: number): number => (unit === "ops/s" ? own / peer : peer / own)
