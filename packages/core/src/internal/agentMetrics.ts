import { type Context, Metric } from "effect"
import type { Outcome } from "./settle.ts"

/** 1 ms to about 65 s, doubling: enough for p50, p95 and p99 of what agents do. */
const boundaries = Metric.exponentialBoundaries({ start: 1, factor: 2, count: 17 })

type Kind = NonNullable<Outcome["kind"]>
const kinds: ReadonlyArray<Kind> = ["processed", "declared", "undeclared", "defect", "timeout", "interrupted"]

/**
 * What all runtimes of one agent do, as Effect metrics: two histograms in milliseconds, and a counter of attempts by how
 * they ended. The only attributes are the agent and the outcome, so their number is bounded.
 */
export class AgentMetrics {
  private readonly context: Context.Context<never>
  private readonly queueWait: Metric.Histogram<number>
  private readonly processing: Metric.Histogram<number>
  private readonly attempts: ReadonlyMap<Kind, Metric.Counter<number>>

  constructor(agent: string, context: Context.Context<never>) {
    const attributes = { agent }
    this.context = context
    this.queueWait = Metric.histogram("agent_runtime_queue_wait_millis", {
      description: "How long activities waited in the mailbox, in milliseconds",
      attributes,
      boundaries
    })
    this.processing = Metric.histogram("agent_runtime_processing_millis", {
      description: "How long attempts ran, in milliseconds",
      attributes,
      boundaries
    })
    this.attempts = new Map(
      kinds.map((outcome) => [
        outcome,
        Metric.counter("agent_runtime_attempts_total", {
          description: "Attempts by how they ended",
          attributes: { agent, outcome },
          incremental: true
        })
      ])
    )
  }

  started(waitedMillis: number): void {
    this.queueWait.updateUnsafe(waitedMillis, this.context)
  }

  ran(millis: number): void {
    this.processing.updateUnsafe(millis, this.context)
  }

  ended(kind: Kind): void {
    this.attempts.get(kind)?.updateUnsafe(1, this.context)
  }
}
