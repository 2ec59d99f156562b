import type { AgentRuntimeState } from "@agent-runtime/schema"

/** What one runtime counts: plain integers, and sums in milliseconds. */
export class Counters {
  processed = 0
  declared = 0
  undeclared = 0
  defect = 0
  timeout = 0
  interrupted = 0
  expired = 0
  cancelled = 0
  superseded = 0
  retried = 0
  restarts = 0
  started = 0
  queueWait = 0
  processing = 0

  metrics(gauges: {
    readonly inFlight: number
    readonly delayed: number
    readonly deadLetters: number
  }): AgentRuntimeState.Metrics {
    return {
      processed: this.processed,
      failed: {
        declared: this.declared,
        undeclared: this.undeclared,
        defect: this.defect,
        timeout: this.timeout,
        interrupted: this.interrupted
      },
      expired: this.expired,
      cancelled: this.cancelled,
      superseded: this.superseded,
      retried: this.retried,
      restarts: this.restarts,
      ...gauges,
      meanQueueWaitMillis: this.started === 0 ? 0 : this.queueWait / this.started,
      meanProcessingMillis: this.started === 0 ? 0 : this.processing / this.started
    }
  }
}
