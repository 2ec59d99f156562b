/**
 * What the charts show: how the runtimes have fared over the last minutes that the page was open.
 */
import type { AgentRuntimeState, Priority } from "@agent-runtime/schema"
import { signal } from "@preact/signals"

export interface Sample {
  /** Seconds of the page's clock. */
  readonly at: number
  /** How many activities ended, and failed, per second since the sample before. */
  readonly processed: number
  readonly failed: number
  /** Milliseconds that activities waited and ran since the sample before; `null` where none did. */
  readonly wait: number | null
  readonly run: number | null
  readonly depth: Readonly<Record<Priority.Priority, number>>
}

interface Totals {
  readonly epoch: number
  readonly at: number
  readonly processed: number
  readonly failed: number
  readonly metrics: AgentRuntimeState.Metrics
}

interface History {
  totals: Totals
  readonly samples: Array<Sample>
}

const seconds = 300
const histories = new Map<string, History>()

/** Changes whenever there is more to show. */
export const version = signal(0)

export const samplesOf = (id: string): ReadonlyArray<Sample> => histories.get(id)?.samples ?? []

const totalsOf = ({ epoch, metrics }: AgentRuntimeState.RuntimeInfo, at: number): Totals => {
  const failed = Object.values(metrics.failed).reduce((sum, count) => sum + count, 0)
  return { epoch, at, processed: metrics.processed, failed, metrics }
}

/** The mean of what was added, from the means before and after. */
const meanBetween = (before: number, countBefore: number, after: number, countAfter: number): number | null =>
  countAfter > countBefore
    ? Math.max(0, (after * countAfter - before * countBefore) / (countAfter - countBefore))
    : null

const sampleOf = (info: AgentRuntimeState.RuntimeInfo, before: Totals, now: Totals): Sample => {
  const elapsed = Math.max(0.001, now.at - before.at)
  const [had, has] = [before.processed + before.failed, now.processed + now.failed]
  const { lanes } = info.mailbox
  return {
    at: now.at,
    processed: (now.processed - before.processed) / elapsed,
    failed: (now.failed - before.failed) / elapsed,
    wait: meanBetween(before.metrics.meanQueueWaitMillis, had, now.metrics.meanQueueWaitMillis, has),
    run: meanBetween(before.metrics.meanProcessingMillis, had, now.metrics.meanProcessingMillis, has),
    depth: { urgent: lanes.urgent.size, standard: lanes.standard.size, background: lanes.background.size }
  }
}

export const record = (infos: ReadonlyArray<AgentRuntimeState.RuntimeInfo>, at: number): void => {
  const present = new Set(infos.map((info) => info.id as string))
  for (const id of histories.keys()) if (!present.has(id)) histories.delete(id)
  for (const info of infos) {
    const totals = totalsOf(info, at)
    const history = histories.get(info.id)
    // Another life, or a server that has started anew, counts from zero.
    const isSame =
      history !== undefined &&
      history.totals.epoch === totals.epoch &&
      history.totals.processed <= totals.processed &&
      history.totals.failed <= totals.failed
    if (!isSame) {
      histories.set(info.id, { totals, samples: history?.samples ?? [] })
      continue
    }
    history.samples.push(sampleOf(info, history.totals, totals))
    history.totals = totals
    while ((history.samples[0]?.at ?? at) < at - seconds) history.samples.shift()
  }
  version.value++
}
