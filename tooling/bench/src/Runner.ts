/**
 * Runs cases: a round of each, then a round of each again, until their ratios are settled.
 *
 * The rounds of a case lie minutes apart, because a machine that is slow for a while would otherwise slow all of them: the
 * rounds would agree with each other, and not with those of the next run.
 */
import { ours, type Case } from "./Case.ts"
import { makeResult, type MeasuredResult, type Result } from "./Report.ts"
import type { Round } from "./Sample.ts"

export interface RunOptions {
  readonly leastRounds: number
  readonly mostRounds: number
  /** From then on nothing is done beyond the least rounds. */
  readonly isTimeUp: () => boolean
  readonly take: (case_: Case, contenders: ReadonlyArray<string>) => Promise<Round>
  /** Told before each round of a case, for a progress line. */
  readonly onRound: (case_: Case, round: number) => void
  /** Told when a case has had its last round. */
  readonly onResult: (result: Result) => void
  readonly onFailure: (case_: Case, error: unknown) => void
}

/**
 * A ratio that is known to within so much is settled: where that holds in two runs, they are less than 15 % apart, as
 * 1.07² < 1.15.
 */
export const settledWithin = 0.07

/** A round during which others used more than so much of a processor is made again. */
const tolerated = 0.15

/** A machine that is busy all the time must not make a run much longer. */
const mostRetries = 3

interface Progress {
  readonly case_: Case
  readonly samples: Readonly<Record<string, Array<number>>>
  retries: number
  disturbed: number
}

/** Answers the results in the order of the cases, without those that failed. */
export const runCases = async (cases: ReadonlyArray<Case>, options: RunOptions): Promise<ReadonlyArray<Result>> => {
  const results = new Map<Case, Result>()
  let going: ReadonlyArray<Progress> = cases.map(begin)
  for (let round = 0; going.length > 0; round++) {
    const unsettled: Array<Progress> = []
    for (const progress of going) {
      const { case_ } = progress
      const isOver = (done: number): boolean => done >= options.leastRounds && options.isTimeUp()
      try {
        if (!isOver(round)) await playRound(progress, round, options)
        const result = resultOf(progress)
        if (isOver(round + 1) || isDone(case_, result, options)) {
          results.set(case_, result)
          options.onResult(result)
        } else unsettled.push(progress)
      } catch (error) {
        options.onFailure(case_, error)
      }
    }
    going = unsettled
  }
  return cases.flatMap((case_) => results.get(case_) ?? [])
}

const contendersOf = (case_: Case): ReadonlyArray<string> => [ours, ...Object.keys(case_.peers)]

const begin = (case_: Case): Progress => ({
  case_,
  samples: Object.fromEntries(contendersOf(case_).map((contender) => [contender, []])),
  retries: 0,
  disturbed: 0
})

const playRound = async (progress: Progress, round: number, options: RunOptions): Promise<void> => {
  const { case_, samples } = progress
  options.onRound(case_, round)
  const contenders = contendersOf(case_)
  const running = contenders.filter((contender) => typeof case_.peers[contender] !== "number")
  // Each round starts with another contender, so that none always follows the same neighbour.
  const first = round % running.length
  const taken = await calmRound(progress, [...running.slice(first), ...running.slice(0, first)], options)
  for (const contender of contenders) {
    const bound = case_.peers[contender]
    samples[contender]!.push(typeof bound === "number" ? bound : taken.samples[contender]!)
  }
}

const calmRound = async (
  progress: Progress,
  contenders: ReadonlyArray<string>,
  { take }: RunOptions
): Promise<Round> => {
  const { case_ } = progress
  // Bytes are the same on a busy machine.
  const isDisturbed = ({ disturbance }: Round): boolean => case_.unit !== "bytes" && disturbance > tolerated
  // A machine that stands still for half a minute lets the timeouts of a contender run out: it has a second chance.
  let round = await take(case_, contenders).catch(() => take(case_, contenders))
  if (isDisturbed(round) && progress.retries < mostRetries) {
    progress.retries++
    const again = await take(case_, contenders)
    if (again.disturbance < round.disturbance) round = again
  }
  if (isDisturbed(round)) progress.disturbed++
  return round
}

const resultOf = ({ case_, disturbed, samples }: Progress): MeasuredResult => {
  const { [ours]: own, ...peers } = samples
  return { ...makeResult(case_, own!, peers), disturbed }
}

const isDone = (case_: Case, { rounds, uncertainty }: MeasuredResult, options: RunOptions): boolean =>
  case_.exact === true ||
  rounds >= options.mostRounds ||
  (rounds >= options.leastRounds && uncertainty <= settledWithin)
