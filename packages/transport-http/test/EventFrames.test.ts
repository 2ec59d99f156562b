import { ActivityId } from "@agent-runtime/schema"
import { describe, expect, it } from "vitest"
import { EventFrames } from "../src/internal/eventFrames.ts"
import { Account } from "./support/Agents.ts"

const processed = (sequence: number, length: number) => ({
  _tag: "Processed" as const,
  sequence,
  epoch: 7,
  activityId: ActivityId.ActivityId.make(`a${sequence}`),
  type: "Keep",
  priority: "standard" as const,
  payload: { value: "x".repeat(length) },
  attempts: 1,
  at: 0
})

const burstsOf = (frames: EventFrames, events: ReadonlyArray<ReturnType<typeof processed>>) => {
  const bursts = []
  for (let start = 0; start < events.length; start += bursts.at(-1)?.length ?? 1) {
    bursts.push(frames.burst(events, start, 7, ""))
  }
  return bursts
}

describe("EventFrames", () => {
  it("B4 what has piled up goes out in bursts of some 256 KiB, each event once and in order", () => {
    const events = Array.from({ length: 20 }, (_, i) => processed(i + 1, 100_000))
    const bursts = burstsOf(new EventFrames(Account), events)
    expect(bursts.map(({ length }) => length)).toEqual([3, 3, 3, 3, 3, 3, 2])
    const text = bursts.map(({ bytes }) => new TextDecoder().decode(bytes)).join("")
    expect(Array.from(text.matchAll(/^id: 7-(\d+)$/gm), ([, id]) => Number(id))).toEqual(
      events.map(({ sequence }) => sequence)
    )
  })

  it("B3 readers who get the same share one buffer, also where some have more before or after it", () => {
    const frames = new EventFrames(Account)
    const small = Array.from({ length: 10 }, (_, i) => processed(i + 1, 10))
    expect(frames.burst(small.slice(0, 3), 0, 7, "").length).toBe(3)
    expect(frames.burst(small, 0, 7, "").bytes).toBe(frames.burst([...small], 0, 7, "").bytes)
    expect(frames.burst(small, 0, 7, "").bytes).not.toBe(frames.burst(small.slice(0, 9), 0, 7, "").bytes)
    expect(frames.burst(small, 0, 7, "").bytes).not.toBe(frames.burst(small, 0, 7, "urgent").bytes)
    expect(frames.burst(small, 0, 7, "").length).toBe(10)
    const large = Array.from({ length: 10 }, (_, i) => processed(i + 1, 100_000))
    expect(frames.burst(large, 3, 7, "").bytes).toBe(frames.burst(large.slice(3), 0, 7, "").bytes)
    expect(frames.burst(large, 0, 7, "").bytes).toBe(frames.burst(large.slice(0, 7), 0, 7, "").bytes)
  })
})
