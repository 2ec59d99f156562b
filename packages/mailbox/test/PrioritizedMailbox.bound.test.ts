import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { bound } from "./support/Bound.ts"

const names = ["a", "b", "c", "d"]

interface Waiting {
  readonly lane: number
  readonly ahead: number
  readonly since: number
}

/** The longest waits under a random load, by lane and by how many were ahead. */
const longestWaits = (lanes: number, maxSkips: number, takes: number) =>
  Effect.gen(function* () {
    const random = yield* Random.Random
    const mailbox = PrioritizedMailbox.makeUnsafe<Waiting>({ lanes: names.slice(0, lanes), scheduling: { maxSkips } })
    const longest: Array<Array<number>> = names.map(() => [])
    let taken = 0
    while (taken < takes) {
      // Loads differ: now one lane gets little, now another.
      const weights = names.map(() => random.nextDoubleUnsafe())
      for (let round = 0; round < 40; round++) {
        for (let lane = 0; lane < lanes; lane++) {
          const name = names[lane]!
          if (random.nextDoubleUnsafe() > weights[lane]!) continue
          const ahead = PrioritizedMailbox.sizeUnsafe(mailbox, name)
          if (ahead < 4) PrioritizedMailbox.offerUnsafe(mailbox, { lane, ahead, since: taken }, name)
        }
        const next = PrioritizedMailbox.pollUnsafe(mailbox)
        if (next === undefined) continue
        taken++
        const waits = longest[next.lane]!
        waits[next.ahead] = Math.max(waits[next.ahead] ?? 0, taken - next.since)
      }
    }
    return longest
  }).pipe(Random.withSeed(`${lanes} lanes, ${maxSkips} skips`))

describe("M2 the wait of an element", () => {
  it.effect.each([1, 2, 3, 4])("with three lanes and maxSkips %d is bounded, and the bound is met", (maxSkips) =>
    Effect.gen(function* () {
      const longest = yield* longestWaits(3, maxSkips, 300_000)
      for (const [lane, waits] of longest.slice(0, 3).entries()) {
        for (const [ahead, wait] of waits.entries()) {
          assert.isAtMost(wait, bound(3, maxSkips, lane, ahead), `lane ${lane}, ${ahead} ahead`)
        }
      }
      for (const lane of [1, 2]) {
        assert.deepStrictEqual(
          longest[lane]!.slice(0, 2),
          [0, 1].map((ahead) => bound(3, maxSkips, lane, ahead)),
          `lane ${lane}`
        )
      }
      if (maxSkips > 1) assert.strictEqual(longest[0]![0], bound(3, maxSkips, 0, 0))
    })
  )

  it.effect.each([2, 4])("with %d lanes never exceeds the bound", (lanes) =>
    Effect.gen(function* () {
      for (const maxSkips of [1, 2, 5]) {
        const longest = yield* longestWaits(lanes, maxSkips, 100_000)
        for (const [lane, waits] of longest.slice(0, lanes).entries()) {
          for (const [ahead, wait] of waits.entries()) assert.isAtMost(wait, bound(lanes, maxSkips, lane, ahead))
        }
      }
    })
  )

  it("is as the documentation's table says", () => {
    assert.deepStrictEqual(
      [0, 1, 2].map((lane) => [0, 1, 9].map((ahead) => bound(3, 8, lane, ahead))),
      [
        [3, 4, 14],
        [10, 20, 100],
        [10, 20, 100]
      ]
    )
  })

  it("M2 from rest the standard lane is served by the 9th take and the background lane by the 10th", () => {
    const mailbox = PrioritizedMailbox.makeUnsafe<string>({ lanes: ["urgent", "standard", "background"] })
    for (let i = 0; i < 20; i++) {
      for (const lane of ["urgent", "standard", "background"] as const) {
        PrioritizedMailbox.offerUnsafe(mailbox, lane[0]!, lane)
      }
    }
    const order = Array.from({ length: 20 }, () => PrioritizedMailbox.pollUnsafe(mailbox)).join("")
    assert.strictEqual(order, "uuuuuuuusbuuuuuuuusb")
    assert.strictEqual(PrioritizedMailbox.countersUnsafe(mailbox).outOfOrder, 4)
  })

  it("M2 three saturated lanes share takes 7200 : 900 : 900", () => {
    const lanes = ["urgent", "standard", "background"] as const
    const mailbox = PrioritizedMailbox.makeUnsafe<string>({ lanes: ["urgent", "standard", "background"] })
    for (let i = 0; i < 9000; i++) {
      for (const lane of lanes) PrioritizedMailbox.offerUnsafe(mailbox, lane, lane)
      PrioritizedMailbox.pollUnsafe(mailbox)
    }
    const { lanes: counters } = PrioritizedMailbox.countersUnsafe(mailbox)
    assert.deepStrictEqual(
      lanes.map((lane) => counters[lane].taken),
      [7200, 900, 900]
    )
  })

  it("M2 strict always serves the highest lane that holds something", () => {
    const mailbox = PrioritizedMailbox.makeUnsafe<string>({ scheduling: "strict" })
    PrioritizedMailbox.offerUnsafe(mailbox, "low", "standard")
    for (let i = 0; i < 1000; i++) {
      PrioritizedMailbox.offerUnsafe(mailbox, "high", "urgent")
      assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), "high")
    }
    assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), "low")
    assert.strictEqual(PrioritizedMailbox.countersUnsafe(mailbox).outOfOrder, 0)
  })

  it("M2 works up to the 32nd lane", () => {
    const lanes = Array.from({ length: 32 }, (_, lane) => `lane ${lane}`)
    const mailbox = PrioritizedMailbox.makeUnsafe<number>({ lanes, scheduling: { maxSkips: 2 } })
    for (const [index, lane] of [...lanes.entries()].toReversed()) PrioritizedMailbox.offerUnsafe(mailbox, index, lane)
    const taken = Array.from({ length: 32 }, () => PrioritizedMailbox.pollUnsafe(mailbox))
    assert.deepStrictEqual(
      taken,
      lanes.map((_, lane) => lane)
    )
  })
})
