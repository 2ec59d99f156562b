import { MailboxArgumentInvalid } from "./MailboxError.ts"

export type Strategy = "suspend" | "dropping" | "sliding" | "fail"

/** Options as a caller gives them: nothing about them is certain. */
export interface RawOptions {
  readonly lanes?: ReadonlyArray<string> | undefined
  readonly capacity?: number | { readonly [lane: string]: number } | undefined
  readonly strategy?: Strategy | undefined
  readonly scheduling?: "strict" | { readonly maxSkips: number } | undefined
}

export const defaultLanes = ["urgent", "standard"] as const

const defaultMaxSkips = 8

// A bit for each lane in one integer.
const maxLanes = 32

const strategies: ReadonlyArray<unknown> = ["suspend", "dropping", "sliding", "fail"]

export const lanesOf = ({ lanes }: RawOptions): ReadonlyArray<string> => {
  if (lanes === undefined) return defaultLanes
  if (!Array.isArray(lanes) || lanes.length === 0 || lanes.length > maxLanes) {
    throw invalid("lanes", lanes, `must name 1 to ${maxLanes} lanes`)
  }
  for (let i = 0; i < lanes.length; i++) {
    if (typeof lanes[i] !== "string") throw invalid(`lanes[${i}]`, lanes[i], "must be a string")
    if (lanes.indexOf(lanes[i]) !== i) throw invalid(`lanes[${i}]`, lanes[i], "must not name a lane twice")
  }
  return lanes.slice()
}

/** One capacity for all lanes, or each lane's own in their order. */
export const capacityOf = ({ capacity }: RawOptions, lanes: ReadonlyArray<string>): number | ReadonlyArray<number> => {
  if (capacity === undefined) return Number.POSITIVE_INFINITY
  if (typeof capacity !== "object" || capacity === null) return validCapacity("capacity", capacity)
  for (const lane of Object.keys(capacity)) {
    if (!lanes.includes(lane)) throw invalid("capacity", lane, `must name lanes among ${lanes.join(", ")}`)
  }
  return lanes.map((lane) => validCapacity(`capacity.${lane}`, capacity[lane]))
}

const validCapacity = (argument: string, capacity: unknown): number => {
  if (typeof capacity === "number" && capacity >= 1 && (Number.isInteger(capacity) || capacity === Infinity)) {
    return capacity
  }
  throw invalid(argument, capacity, "must be a positive integer or Infinity")
}

export const strategyOf = ({ strategy = "suspend" }: RawOptions): Strategy => {
  if (!strategies.includes(strategy)) throw invalid("strategy", strategy, `must be one of ${strategies.join(", ")}`)
  return strategy
}

/** Infinity stands for strict priority. */
export const maxSkipsOf = ({ scheduling }: RawOptions): number => {
  if (scheduling === undefined) return defaultMaxSkips
  if (scheduling === "strict") return Number.POSITIVE_INFINITY
  const maxSkips = scheduling?.maxSkips
  if (Number.isInteger(maxSkips) && maxSkips >= 1) return maxSkips
  throw invalid("scheduling", scheduling, `must be "strict" or { maxSkips } with a positive integer`)
}

const invalid = (argument: string, value: unknown, reason: string) =>
  new MailboxArgumentInvalid({ argument, value, reason })
