import { MailboxArgumentInvalid } from "./MailboxError.ts"

export type Strategy = "suspend" | "dropping" | "sliding" | "fail"

/** Options as a caller gives them: nothing about them is certain. */
export interface RawOptions {
  readonly lanes?: ReadonlyArray<string> | undefined
  readonly capacity?: Capacity | undefined
  readonly strategy?: Strategy | undefined
  readonly scheduling?: "strict" | { readonly maxSkips: number } | undefined
}

export const defaultLanes = ["urgent", "standard"] as const

export const lanesOf = ({ lanes }: RawOptions): ReadonlyArray<string> => {
  if (lanes === undefined) return defaultLanes
  const valid =
    Array.isArray(lanes) &&
    lanes.length > 0 &&
    // A bit for each in one integer.
    lanes.length <= 32 &&
    lanes.every((lane, index) => lanes.indexOf(lane) === index)
  check(valid, "lanes", lanes, "1 to 32 different names")
  return lanes.slice()
}

export type Capacity = number | { readonly [lane: string]: number }

/** One capacity for all lanes, or each lane's own. */
export const capacityOf = ({ capacity = Infinity }: RawOptions, lanes: ReadonlyArray<string>): Capacity => {
  if (typeof capacity !== "object" || capacity === null) return checkCapacity("capacity", capacity)
  for (const lane of lanes) checkCapacity(`capacity.${lane}`, capacity[lane])
  return { ...capacity }
}

const checkCapacity = (argument: string, capacity: number | undefined): number => {
  check(isCount(capacity), argument, capacity, "a positive integer")
  return capacity
}

const strategies = ["suspend", "dropping", "sliding", "fail"]

export const strategyOf = ({ strategy = "suspend" }: RawOptions): Strategy => {
  check(strategies.includes(strategy), "strategy", strategy, `of ${strategies.join(", ")}`)
  return strategy
}

/** Infinity stands for strict priority. */
export const maxSkipsOf = ({ scheduling = { maxSkips: 8 } }: RawOptions): number => {
  if (scheduling === "strict") return Infinity
  const maxSkips = scheduling?.maxSkips
  check(isCount(maxSkips), "scheduling.maxSkips", maxSkips, "a positive integer")
  return maxSkips
}

// Infinity counts too.
const isCount = (n: number | undefined): n is number => n !== undefined && n >= 1 && Math.floor(n) === n

function check(valid: boolean, argument: string, value: unknown, expected: string): asserts valid {
  if (!valid) invalid(argument, value, expected)
}

export const invalid = (argument: string, value: unknown, expected: string): never => {
  throw new MailboxArgumentInvalid({ argument, value, expected })
}
