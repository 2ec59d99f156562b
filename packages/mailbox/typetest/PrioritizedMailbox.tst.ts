import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import type { Cause, Effect, Option, Stream } from "effect"
import { pipe } from "effect"
import { describe, expect, test } from "tstyche"

interface Job {
  readonly name: string
}

interface Alarm extends Job {
  readonly level: number
}

type Jobs = PrioritizedMailbox.PrioritizedMailbox<Job>

declare const job: Job
declare const jobs: Jobs
declare const failing: PrioritizedMailbox.PrioritizedMailbox<Job, never, "high" | "low", PrioritizedMailbox.MailboxFull>
declare const ending: PrioritizedMailbox.PrioritizedMailbox<Job, string | Cause.Done>

describe("make", () => {
  test("types the usual lanes beside an explicit element type", () => {
    const make = PrioritizedMailbox.make<Job>({
      lanes: ["urgent", "standard", "background"],
      capacity: 1024,
      strategy: "suspend",
      scheduling: { maxSkips: 8 }
    })
    expect(make).type.toBe<
      Effect.Effect<PrioritizedMailbox.PrioritizedMailbox<Job, never, "urgent" | "standard" | "background">>
    >()
  })

  test("has two lanes unless told otherwise", () => {
    expect(PrioritizedMailbox.make<Job>()).type.toBe<Effect.Effect<Jobs>>()
    expect(PrioritizedMailbox.makeUnsafe<Job>({ capacity: 8, scheduling: "strict" })).type.toBe<Jobs>()
    expect(PrioritizedMailbox.bounded<Job>(8)).type.toBe<Effect.Effect<Jobs>>()
  })

  test("types other lanes where they are given", () => {
    expect(PrioritizedMailbox.makeUnsafe<Job, never, "high" | "low">({ lanes: ["high", "low"] })).type.toBe<
      PrioritizedMailbox.PrioritizedMailbox<Job, never, "high" | "low">
    >()
    expect(PrioritizedMailbox.makeUnsafe<Job>({ lanes: ["high", "low"] })).type.toBe<
      PrioritizedMailbox.PrioritizedMailbox<Job, never, string>
    >()
    expect(PrioritizedMailbox.makeUnsafe({ lanes: ["high", "low"] })).type.toBe<
      PrioritizedMailbox.PrioritizedMailbox<unknown, never, "high" | "low">
    >()
  })

  test("offers fail only where the strategy says so", () => {
    expect(PrioritizedMailbox.makeUnsafe<Job>({ strategy: "fail", capacity: 8 })).type.toBe<
      PrioritizedMailbox.PrioritizedMailbox<Job, never, "urgent" | "standard", PrioritizedMailbox.MailboxFull>
    >()
    expect(
      PrioritizedMailbox.makeUnsafe<Job>({ lanes: ["urgent", "background"], strategy: "fail", capacity: 8 })
    ).type.toBe<
      PrioritizedMailbox.PrioritizedMailbox<
        Job,
        never,
        "urgent" | "standard" | "background",
        PrioritizedMailbox.MailboxFull
      >
    >()
    expect(PrioritizedMailbox.failing<Job>(8)).type.toBe<
      Effect.Effect<
        PrioritizedMailbox.PrioritizedMailbox<Job, never, "urgent" | "standard", PrioritizedMailbox.MailboxFull>
      >
    >()
    expect(PrioritizedMailbox.makeUnsafe<Job>({ strategy: "sliding", capacity: 8 })).type.toBe<Jobs>()
  })

  test("knows its options", () => {
    expect(PrioritizedMailbox.make<Job>).type.not.toBeCallableWith({ strategy: "drop" })
    expect(PrioritizedMailbox.make<Job>).type.not.toBeCallableWith({ capacity: { urgent: 1 } })
    expect(PrioritizedMailbox.make<Job>).type.toBeCallableWith({ capacity: { urgent: 1, standard: 2 } })
    expect(PrioritizedMailbox.make<Job>).type.not.toBeCallableWith({ scheduling: "fair" })
  })
})

describe("lanes", () => {
  test("an unknown lane is a type error where the lanes are known", () => {
    expect(PrioritizedMailbox.offer<Job, never, "urgent" | "standard", never>).type.not.toBeCallableWith(
      jobs,
      job,
      "urgnt"
    )
    expect(PrioritizedMailbox.size<Job, never, "urgent" | "standard">).type.not.toBeCallableWith(jobs, "low")
    expect(pipe<Jobs, unknown>).type.not.toBeCallableWith(jobs, PrioritizedMailbox.offer(job, "low"))
  })

  test("counters have them", () => {
    expect(PrioritizedMailbox.countersUnsafe(failing).lanes).type.toBe<{
      readonly high: PrioritizedMailbox.LaneCounters
      readonly low: PrioritizedMailbox.LaneCounters
    }>()
  })
})

describe("variance", () => {
  test("a producer takes elements of a narrower type, and names fewer lanes", () => {
    expect<PrioritizedMailbox.Enqueue<Job>>().type.toBeAssignableTo<PrioritizedMailbox.Enqueue<Alarm>>()
    expect<PrioritizedMailbox.Enqueue<Alarm>>().type.not.toBeAssignableTo<PrioritizedMailbox.Enqueue<Job>>()
    expect<PrioritizedMailbox.Enqueue<Job, never, "a" | "b">>().type.toBeAssignableTo<
      PrioritizedMailbox.Enqueue<Job, never, "a">
    >()
    expect<PrioritizedMailbox.Enqueue<Job, never, "a">>().type.not.toBeAssignableTo<
      PrioritizedMailbox.Enqueue<Job, never, "a" | "b">
    >()
    expect<PrioritizedMailbox.Enqueue<Job, unknown>>().type.toBeAssignableTo<PrioritizedMailbox.Enqueue<Job, string>>()
    expect<typeof failing>().type.not.toBeAssignableTo<PrioritizedMailbox.Enqueue<Job, never, "high" | "low">>()
  })

  test("a consumer gives elements of a wider type", () => {
    expect<PrioritizedMailbox.Dequeue<Alarm>>().type.toBeAssignableTo<PrioritizedMailbox.Dequeue<Job>>()
    expect<PrioritizedMailbox.Dequeue<Job>>().type.not.toBeAssignableTo<PrioritizedMailbox.Dequeue<Alarm>>()
    expect<PrioritizedMailbox.Dequeue<Job, string>>().type.toBeAssignableTo<PrioritizedMailbox.Dequeue<Job, unknown>>()
  })

  test("a mailbox is invariant, and narrows to both sides", () => {
    expect<PrioritizedMailbox.PrioritizedMailbox<Alarm>>().type.not.toBeAssignableTo<Jobs>()
    expect<Jobs>().type.not.toBeAssignableTo<PrioritizedMailbox.PrioritizedMailbox<Alarm>>()
    expect<Jobs>().type.toBeAssignableTo<PrioritizedMailbox.Enqueue<Alarm, never, "urgent">>()
    expect<typeof failing>().type.toBeAssignableTo<PrioritizedMailbox.Dequeue<Job>>()
    expect(PrioritizedMailbox.asEnqueue(jobs)).type.toBe<PrioritizedMailbox.Enqueue<Job>>()
    expect(PrioritizedMailbox.asDequeue(jobs)).type.toBe<
      PrioritizedMailbox.Dequeue<Job, never, "urgent" | "standard">
    >()
  })

  test("each side has its own operations", () => {
    const producer = PrioritizedMailbox.asEnqueue(jobs)
    const consumer = PrioritizedMailbox.asDequeue(jobs)
    expect(PrioritizedMailbox.take<Job, never>).type.not.toBeCallableWith(producer)
    expect(PrioritizedMailbox.offerUnsafe<Job, never, "urgent">).type.not.toBeCallableWith(consumer, job, "urgent")
    expect(PrioritizedMailbox.take<Job, never>).type.toBeCallableWith(consumer)
    expect(PrioritizedMailbox.offerUnsafe<Job, never, "urgent">).type.toBeCallableWith(producer, job, "urgent")
  })
})

describe("inference", () => {
  test("data-first", () => {
    expect(PrioritizedMailbox.offer(jobs, job, "urgent")).type.toBe<Effect.Effect<boolean>>()
    expect(PrioritizedMailbox.offer(failing, job, "low")).type.toBe<
      Effect.Effect<boolean, PrioritizedMailbox.MailboxFull>
    >()
    expect(PrioritizedMailbox.offerAll(jobs, [job], "urgent")).type.toBe<Effect.Effect<Array<Job>>>()
    expect(PrioritizedMailbox.offerEvicting(jobs, job, "urgent")).type.toBe<Effect.Effect<Option.Option<Job>>>()
    expect(PrioritizedMailbox.take(ending)).type.toBe<Effect.Effect<Job, string | Cause.Done>>()
    expect(PrioritizedMailbox.takeAll(jobs)).type.toBe<Effect.Effect<[Job, ...Array<Job>]>>()
    expect(PrioritizedMailbox.takeN(ending, 2)).type.toBe<Effect.Effect<Array<Job>, string | Cause.Done>>()
    expect(PrioritizedMailbox.poll(ending)).type.toBe<Effect.Effect<Option.Option<Job>>>()
    expect(PrioritizedMailbox.clear(ending)).type.toBe<Effect.Effect<Array<Job>, string>>()
    expect(PrioritizedMailbox.collect(ending)).type.toBe<Effect.Effect<Array<Job>, string>>()
    expect(PrioritizedMailbox.await(ending)).type.toBe<Effect.Effect<void, string>>()
    expect(PrioritizedMailbox.toStream(ending)).type.toBe<Stream.Stream<Job, string>>()
    expect(PrioritizedMailbox.remove(jobs, (element, lane) => element.name === lane)).type.toBe<
      Effect.Effect<Array<Job>>
    >()
    expect(PrioritizedMailbox.pollUnsafe(jobs)).type.toBe<Job | undefined>()
  })

  test("data-last", () => {
    expect(pipe(jobs, PrioritizedMailbox.offer(job, "urgent"))).type.toBe<Effect.Effect<boolean>>()
    expect(pipe(failing, PrioritizedMailbox.offer(job, "low"))).type.toBe<
      Effect.Effect<boolean, PrioritizedMailbox.MailboxFull>
    >()
    expect(pipe(jobs, PrioritizedMailbox.offerAll([job], "urgent"))).type.toBe<Effect.Effect<Array<Job>>>()
    expect(pipe(ending, PrioritizedMailbox.takeN(2))).type.toBe<Effect.Effect<Array<Job>, string | Cause.Done>>()
    expect(pipe(jobs, PrioritizedMailbox.takeBetween(1, 2))).type.toBe<Effect.Effect<Array<Job>>>()
    expect(pipe(jobs, PrioritizedMailbox.size("urgent"))).type.toBe<Effect.Effect<number>>()
    expect(pipe(ending, PrioritizedMailbox.fail("boom"))).type.toBe<Effect.Effect<boolean>>()
  })

  test("a mailbox ends only where its error type says so", () => {
    expect(PrioritizedMailbox.end<Job, never, "urgent">).type.not.toBeCallableWith(jobs)
    expect(PrioritizedMailbox.end(ending)).type.toBe<Effect.Effect<boolean>>()
  })
})
