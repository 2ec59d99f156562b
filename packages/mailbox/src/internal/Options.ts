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

// Leaves the type as it is.
const isArray = (u: unknown): boolean => Array.isArray(u)

// A bit for each lane in one integer.
const maxLanes = 32

export const lanesOf = (options: RawOptions): ReadonlyArray<string> => {
  const lanes: ReadonlyArray<string> = options.lanes ?? defaultLanes
  const valid =
    isArray(lanes) &&
    lanes.length > 0 &&
    lanes.length <= maxLanes &&
    lanes.every((lane, index) => typeof lane === "string" && lanes.indexOf(lane) === index)
  check(valid, "lanes", lanes, `1 to ${maxLanes} different names`)
  return lanes === defaultLanes ? lanes : lanes.slice()
}

/** One capacity for all lanes, or each lane's own in their order. */
export const capacityOf = (
  { capacity = Infinity }: RawOptions,
  lanes: ReadonlyArray<string>
): number | ReadonlyArray<number> => {
  if (typeof capacity !== "object") return checkCapacity("capacity", capacity)
  for (const lane in capacity) check(lanes.includes(lane), "capacity", lane, `of ${lanes.join(", ")}`)
  return lanes.map((lane) => checkCapacity(`capacity.${lane}`, capacity[lane]))
}

const checkCapacity = (argument: string, capacity: number | undefined): number => {
  check(capacity === Infinity || isCount(capacity), argument, capacity, "a positive integer or Infinity")
  return capacity
}

export const strategyOf = ({ strategy = "suspend" }: RawOptions): Strategy => {
  check(/^(suspend|dropping|sliding|fail)$/.test(strategy), "strategy", strategy, "suspend, dropping, sliding or fail")
  return strategy
}

/** Zero stands for strict priority. */
export const maxSkipsOf = ({ scheduling = { maxSkips: 8 } }: RawOptions): number => {
  if (scheduling === "strict") return 0
  const maxSkips = scheduling?.maxSkips
  check(isCount(maxSkips), "scheduling", scheduling, '"strict" or { maxSkips } with a positive integer')
  return maxSkips
}

const isCount = (n: number | undefined): n is number => Number.isInteger(n) && n! > 0

function check(valid: boolean, argument: string, value: unknown, expected: string): asserts valid {
  if (!valid) throw new MailboxArgumentInvalid({ argument, value, expected })
}
