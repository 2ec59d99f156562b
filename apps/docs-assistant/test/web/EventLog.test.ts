import { ActivityId, type AgentEvent } from "@agent-runtime/schema"
import { describe, expect, it } from "vitest"
import { everything, isWanted } from "../../web/src/EventFilter.ts"
import { EventLog } from "../../web/src/EventLog.ts"

const id = (name: string) => ActivityId.ActivityId.make(name)

const emitted = (name: string, index: number, attempt = 1): AgentEvent.AgentEvent => ({
  _tag: "Emitted",
  activityId: id(name),
  type: "Ask",
  attempt,
  index,
  value: index,
  at: index
})

const processed = (sequence: number, priority: "urgent" | "standard" = "standard"): AgentEvent.Processed => ({
  _tag: "Processed",
  sequence,
  epoch: 1,
  activityId: id(`${sequence}`),
  type: "Ask",
  priority,
  payload: {},
  attempts: 1,
  at: 0
})

describe("EventLog", () => {
  it("keeps the latest entries alone", () => {
    const log = new EventLog(3)
    log.add([1, 2, 3, 4, 5].map((sequence) => processed(sequence)))
    expect(log.entries.value).toMatchObject([{ sequence: 3 }, { sequence: 4 }, { sequence: 5 }])
  })

  it("knows how far back it reaches, and keeps what was asked for before that", () => {
    const log = new EventLog(2, 6)
    expect(log.missing.value).toBe(6)
    log.add([emitted("9", 0), processed(7), processed(8), processed(9)])
    expect(log.missing.value).toBe(7)
    log.addEarlier([5, 6, 7].map((sequence) => processed(sequence)))
    expect(log.missing.value).toBe(4)
    log.addEarlier([{ _tag: "Gap", epoch: 1, missed: 4, from: 1, to: 4 }])
    expect(log.missing.value).toBe(0)
    log.add([emitted("10", 0)])
    expect(log.entries.value).toMatchObject([
      ...[5, 6, 7, 8, 9].map((sequence) => ({ sequence })),
      { _tag: "Emissions" }
    ])
    expect(new Set(log.entries.value.map(({ key }) => key)).size).toBe(6)
  })

  it("gathers what one attempt emits, counts it, and keeps the last of it", () => {
    const log = new EventLog(10)
    log.add(Array.from({ length: 120 }, (_, index) => emitted("1", index)))
    log.add([emitted("2", 0), emitted("1", 120), emitted("1", 0, 2)])
    const [first, ...others] = log.entries.value
    expect(first).toMatchObject({ _tag: "Emissions", count: 121, last: { index: 120 } })
    expect(first?._tag === "Emissions" && first.values.slice(-2)).toEqual([119, 120])
    expect(first?._tag === "Emissions" && first.values.length).toBe(50)
    expect(others).toMatchObject([{ count: 1 }, { count: 1 }])
  })

  it("filters by type, priority and outcome; what is lost is always seen", () => {
    const log = new EventLog(10)
    log.add([
      processed(1),
      processed(2, "urgent"),
      emitted("3", 0),
      { _tag: "Gap", epoch: 1, missed: 1, from: 3, to: 3 }
    ])
    const wanted = (filter: Partial<typeof everything>) =>
      log.entries.value.filter((entry) => isWanted(entry, { ...everything, ...filter })).map((entry) => entry.key)
    expect(wanted({})).toEqual([0, 1, 2, 3])
    expect(wanted({ priority: "urgent" })).toEqual([1, 3])
    expect(wanted({ outcome: "Emitted" })).toEqual([2, 3])
    expect(wanted({ outcome: "Failed" })).toEqual([3])
    expect(wanted({ type: "Index" })).toEqual([3])
  })
})
