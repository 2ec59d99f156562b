import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random, Scheduler } from "effect"

const elements = 20_000

const lanes = ["urgent", "standard", "background"] as const

/** Runs a fiber anew each time it is interrupted, which is at a random moment, until `done`. */
const disturbed = (effect: Effect.Effect<void>, done: () => boolean) =>
  Effect.gen(function* () {
    let interrupted = 0
    while (!done()) {
      const fiber = yield* Effect.forkChild(effect)
      for (let turns = yield* Random.nextIntBetween(0, 12); turns > 0; turns--) yield* Effect.yieldNow
      if (fiber.pollUnsafe() === undefined) interrupted++
      yield* Fiber.interrupt(fiber)
    }
    return interrupted
  })

const storm = (capacity: number, inGenerator: boolean) =>
  Effect.gen(function* () {
    const mailbox = yield* PrioritizedMailbox.make<number>({ lanes, capacity })
    const handled: Array<number> = []
    const accepted: Array<number> = []
    let next = 0
    const handle = (element: number) =>
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => void handled.push(element))
      )
    // Nothing but the take can be interrupted: what it answered is handled.
    const takeOne = Effect.uninterruptibleMask((restore) =>
      inGenerator
        ? Effect.gen(function* () {
            yield* handle(yield* restore(PrioritizedMailbox.take(mailbox)))
          })
        : Effect.flatMap(restore(PrioritizedMailbox.take(mailbox)), handle)
    )
    const taker = Effect.forever(takeOne, { disableYield: true })
    const offerOne = Effect.suspend(() => {
      const element = next++
      const accept = Effect.sync(() => void accepted.push(element))
      return Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(PrioritizedMailbox.offer(mailbox, element, lanes[element % 3]!)), (yes) =>
          yes ? accept : Effect.void
        )
      )
    })
    const offerer = Effect.forever(offerOne, { disableYield: true })
    const offered = () => accepted.length >= elements
    const drained = () => offered() && PrioritizedMailbox.sizeUnsafe(mailbox) === 0
    const interruptions = yield* Effect.all(
      [
        disturbed(offerer, offered),
        disturbed(offerer, offered),
        disturbed(taker, drained),
        disturbed(taker, drained),
        disturbed(taker, drained)
      ],
      { concurrency: "unbounded" }
    ).pipe(
      // So that fibers are at some point between two steps, not where they wait, when they are interrupted.
      Effect.provideService(Scheduler.MaxOpsBeforeYield, 29)
    )
    return { accepted, handled, interruptions }
  })

describe("M4 the interrupt storm", () => {
  it.live.each([
    ["suspended offers, generators", 4, true],
    ["suspended offers, chains", 4, false],
    ["unbounded, generators", Infinity, true],
    ["unbounded, chains", Infinity, false]
  ] as const)("loses nothing and doubles nothing: %s", ([, capacity, inGenerator]) =>
    Effect.gen(function* () {
      const { accepted, handled, interruptions } = yield* storm(capacity, inGenerator)
      const doubled = handled.length - new Set(handled).size
      const handledOnce = new Set(handled)
      const lost = accepted.filter((element) => !handledOnce.has(element))
      assert.deepStrictEqual({ lost: lost.length, doubled }, { lost: 0, doubled: 0 })
      assert.strictEqual(handled.length, accepted.length)
      assert.isAtLeast(accepted.length, elements)
      for (const count of interruptions) assert.isAtLeast(count, 50)
    })
  )
})
