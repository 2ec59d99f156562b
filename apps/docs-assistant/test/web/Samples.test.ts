import { AgentRuntimeId, type AgentRuntimeState } from "@agent-runtime/schema"
import { beforeEach, describe, expect, it } from "vitest"
import * as Samples from "../../web/src/Samples.ts"

const lane = { size: 0, capacity: 8 }

interface Fields {
  readonly processed?: number
  readonly mean?: number
  readonly epoch?: number
  readonly waiting?: number
}

const info = ({ epoch = 1, mean = 0, processed = 0, waiting = 0 }: Fields): AgentRuntimeState.RuntimeInfo => ({
  id: AgentRuntimeId.AgentRuntimeId.make("a"),
  agent: "A",
  epoch,
  status: "idle",
  state: null,
  sequence: processed,
  subscribers: [],
  mailbox: { lanes: { urgent: lane, standard: { ...lane, size: waiting }, background: lane } },
  metrics: {
    processed,
    failed: { declared: 0, undeclared: 0, defect: 0, timeout: 0, interrupted: 0 },
    expired: 0,
    cancelled: 0,
    superseded: 0,
    retried: 0,
    inFlight: 0,
    delayed: 0,
    deadLetters: 0,
    restarts: 0,
    meanQueueWaitMillis: mean,
    meanProcessingMillis: mean
  }
})

beforeEach(() => Samples.record([], 0))

describe("Samples", () => {
  it("tells rates and means of the time between two looks", () => {
    Samples.record([info({ processed: 10, mean: 10 })], 1)
    Samples.record([info({ processed: 30, mean: 30, waiting: 4 })], 3)
    expect(Samples.samplesOf("a")).toMatchObject([
      { at: 3, processed: 10, failed: 0, wait: 40, run: 40, depth: { urgent: 0, standard: 4, background: 0 } }
    ])
  })

  it("tells no time where nothing ended", () => {
    Samples.record([info({ processed: 3, mean: 5 })], 1)
    Samples.record([info({ processed: 3, mean: 5 })], 2)
    expect(Samples.samplesOf("a")).toMatchObject([{ processed: 0, wait: null, run: null }])
  })

  it("begins anew with another life and with counters that were reset", () => {
    Samples.record([info({ processed: 9 })], 1)
    Samples.record([info({ processed: 2 })], 2)
    Samples.record([info({ processed: 20, epoch: 2 })], 3)
    expect(Samples.samplesOf("a")).toEqual([])
  })

  it("forgets what is older than five minutes, and runtimes that are gone", () => {
    for (const at of [0, 100, 200, 300, 400, 500]) Samples.record([info({})], at)
    expect(Samples.samplesOf("a").map(({ at }) => at)).toEqual([200, 300, 400, 500])
    Samples.record([], 501)
    expect(Samples.samplesOf("a")).toEqual([])
  })
})
