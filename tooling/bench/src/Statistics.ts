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

/**
 * Where the median of the distribution lies that the samples come from, with a confidence of 90 %: between the k-th smallest
 * and the k-th largest sample, k as large as the binomial distribution allows. Of fewer than 5 samples it is all of them, which
 * says less.
 *
 * It takes nothing for granted about the distribution, which here is skewed and often has two peaks. T. Hoefler and R. Belli,
 * Scientific Benchmarking of Parallel Computing Systems (SC 15, doi 10.1145/2807591.2807644), recommend such an interval
 * for deciding whether another measurement is wanted. Who asks after each of them is a little less sure than 90 %.
 */
export const medianInterval = (samples: ReadonlyArray<number>): readonly [low: number, high: number] => {
  const sorted = samples.toSorted((a, b) => a - b)
  const count = sorted.length
  // The chance that at most `outside` of the samples lie below the median, and then that they lie above it.
  let outside = 0
  let term = 0.5 ** count
  for (let chance = term; outside < (count - 1) >> 1; outside++) {
    term *= (count - outside) / (outside + 1)
    chance += term
    if (2 * chance > 0.1) break
  }
  return [sorted[outside]!, sorted[count - 1 - outside]!]
}

/** How far the rounds lie apart, as a fraction of their median. */
export const spread = ({ max, median, min }: Summary): number => (median === 0 ? 0 : (max - min) / median)
