/** What several rounds of one contender come to. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The middle of the sorted samples, or the mean of the two in the middle. */
export const median = (samples: ReadonlyArray<number>): number => {
  if (samples.length === 0) throw new RangeError("a median needs at least one sample")
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]!
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
}

export const summarize = (samples: ReadonlyArray<number>): Summary => ({
  median: median(samples),
  min: Math.min(...samples),
  max: Math.max(...samples)
})

/** How far the rounds lie apart, as a fraction of their median. */
export const spread = ({ max, median, min }: Summary): number => (median === 0 ? 0 : (max - min) / median)
