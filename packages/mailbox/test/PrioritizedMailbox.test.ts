import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, pipe, Stream } from "effect"

const pause = Effect.andThen(Effect.yieldNow, Effect.yieldNow)

const invalid = (options: unknown): PrioritizedMailbox.MailboxArgumentInvalid => {
  try {
    PrioritizedMailbox.makeUnsafe(options as { readonly capacity: number })
  } catch (error) {
    assert.instanceOf(error, PrioritizedMailbox.MailboxArgumentInvalid)
    return error
  }
  return assert.fail("the options are invalid")
}

describe("PrioritizedMailbox", () => {
  it.effect("M1 gives the highest lane first, and each lane in the order of its offers", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<string>({ lanes: ["urgent", "standard", "background"] })
      yield* PrioritizedMailbox.offer(mailbox, "b1", "background")
      yield* PrioritizedMailbox.offerAll(mailbox, ["s1", "s2"], "standard")
      yield* PrioritizedMailbox.offer(mailbox, "u1", "urgent")
      assert.deepStrictEqual(yield* PrioritizedMailbox.takeAll(mailbox), ["u1", "s1", "s2", "b1"])
    })
  )

  it.effect("M1 gives what was offered in one go by priority even to a take that waits", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<string>()
      const fiber = yield* Effect.forkChild(PrioritizedMailbox.take(mailbox))
      yield* pause
      yield* PrioritizedMailbox.offer(mailbox, "report", "standard")
      yield* PrioritizedMailbox.offer(mailbox, "alarm", "urgent")
      assert.strictEqual(yield* Fiber.join(fiber), "alarm")
    })
  )

  it.effect("M3 bounds each lane alone: a full one blocks no other", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>({ capacity: { urgent: 1, standard: 2 } })
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerAll(mailbox, [1], "urgent"), [])
      const waiting = yield* Effect.forkChild(PrioritizedMailbox.offer(mailbox, 2, "urgent"))
      yield* pause
      assert.isTrue(yield* PrioritizedMailbox.isFull(mailbox, "urgent"))
      assert.isFalse(yield* PrioritizedMailbox.isFull(mailbox, "standard"))
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerAll(mailbox, [3, 4], "standard"), [])
      assert.isTrue(yield* PrioritizedMailbox.isFull(mailbox))
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(yield* PrioritizedMailbox.take(mailbox), 1)
      assert.isTrue(yield* Fiber.join(waiting))
    })
  )

  it.effect("M3 suspended offers come in in their order, and none overtakes them", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.bounded<number>(1)
      yield* PrioritizedMailbox.offer(mailbox, 1, "standard")
      const fibers = yield* Effect.forEach([2, 3, 4], (n) =>
        Effect.forkChild(PrioritizedMailbox.offer(mailbox, n, "standard"))
      )
      yield* pause
      assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), 1)
      assert.isFalse(PrioritizedMailbox.offerUnsafe(mailbox, 5, "standard"))
      yield* Fiber.interrupt(fibers[1]!)
      const last = yield* Effect.forkChild(PrioritizedMailbox.offer(mailbox, 5, "standard"))
      const taken = yield* Effect.replicateEffect(PrioritizedMailbox.take(mailbox), 3)
      assert.deepStrictEqual(taken, [2, 4, 5])
      assert.isTrue(yield* Fiber.join(last))
    })
  )

  it.effect("M3 dropping answers false, and counts it", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.dropping<number>(1)
      assert.isTrue(yield* PrioritizedMailbox.offer(mailbox, 1, "standard"))
      assert.isFalse(yield* PrioritizedMailbox.offer(mailbox, 2, "standard"))
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerEvicting(mailbox, 3, "standard"), Option.some(3))
      assert.isTrue(yield* PrioritizedMailbox.offer(mailbox, 4, "urgent"))
      const { lanes } = yield* PrioritizedMailbox.counters(mailbox)
      assert.deepStrictEqual(lanes.standard, { size: 1, offered: 3, taken: 0, dropped: 2, removed: 0 })
    })
  )

  it.effect("M3 sliding gives up the oldest of the lane, and tells which", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.sliding<number>(2)
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerEvicting(mailbox, 1, "standard"), Option.none())
      yield* PrioritizedMailbox.offer(mailbox, 2, "standard")
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerEvicting(mailbox, 3, "standard"), Option.some(1))
      assert.isTrue(yield* PrioritizedMailbox.offer(mailbox, 4, "urgent"))
      assert.deepStrictEqual(yield* PrioritizedMailbox.takeAll(mailbox), [4, 2, 3])
    })
  )

  it.effect("M3 fail fails with the lane and its capacity, and accepts all or nothing", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.failing<number>(2)
      yield* PrioritizedMailbox.offer(mailbox, 1, "urgent")
      const error = yield* Effect.flip(PrioritizedMailbox.offerAll(mailbox, [2, 3], "urgent"))
      assert.instanceOf(error, PrioritizedMailbox.MailboxFull)
      assert.deepStrictEqual({ ...error }, { lane: "urgent", capacity: 2, _tag: "MailboxFull" })
      assert.strictEqual(yield* PrioritizedMailbox.size(mailbox), 1)
      yield* PrioritizedMailbox.offer(mailbox, 2, "urgent")
      assert.strictEqual((yield* Effect.flip(PrioritizedMailbox.offer(mailbox, 3, "urgent")))._tag, "MailboxFull")
      assert.isFalse(PrioritizedMailbox.offerUnsafe(mailbox, 3, "urgent"))
      assert.deepStrictEqual(yield* PrioritizedMailbox.offerAll(mailbox, [4, 5], "standard"), [])
      yield* PrioritizedMailbox.shutdown(mailbox)
      assert.isFalse(yield* PrioritizedMailbox.offer(mailbox, 6, "urgent"))
    })
  )

  it.effect("M4 an effect that was made once can be run again and again", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.bounded<number>(1)
      const offer = PrioritizedMailbox.offer(mailbox, 1, "urgent")
      const offerAll = PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")
      const take = PrioritizedMailbox.take(mailbox)
      const fiber = yield* Effect.forkChild(Effect.all([offer, offer, offerAll, offerAll]))
      const taken = yield* Effect.replicateEffect(take, 8)
      assert.deepStrictEqual(taken.toSorted(), [1, 1, 1, 1, 2, 2, 3, 3])
      assert.deepStrictEqual(yield* Fiber.join(fiber), [true, true, [], []])
    })
  )

  it.effect("M4 a fiber that always finds an element lets others run", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>()
      let others = 0
      const other = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => others++)
          )
        )
      )
      for (let i = 0; i < 10_000; i++) {
        PrioritizedMailbox.offerUnsafe(mailbox, i, "standard")
        assert.strictEqual(yield* PrioritizedMailbox.take(mailbox), i)
      }
      yield* Fiber.interrupt(other)
      assert.isAtLeast(others, 3)
    })
  )

  it.effect("M5 shutdown counts what it discards", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>()
      yield* PrioritizedMailbox.offerAll(mailbox, [1, 2], "urgent")
      yield* PrioritizedMailbox.offerAll(mailbox, [3, 4, 5], "standard")
      yield* PrioritizedMailbox.take(mailbox)
      assert.isTrue(yield* PrioritizedMailbox.shutdown(mailbox))
      const { lanes } = yield* PrioritizedMailbox.counters(mailbox)
      assert.deepStrictEqual(lanes, {
        urgent: { size: 0, offered: 2, taken: 1, dropped: 1, removed: 0 },
        standard: { size: 0, offered: 3, taken: 0, dropped: 3, removed: 0 }
      })
    })
  )

  it.effect("M5 end delivers what waits at every lane", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number, Cause.Done>({ capacity: 1 })
      const fibers = [
        yield* Effect.forkChild(PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")),
        yield* Effect.forkChild(PrioritizedMailbox.offerAll(mailbox, [4, 5, 6], "urgent"))
      ]
      yield* pause
      yield* PrioritizedMailbox.end(mailbox)
      const all = yield* PrioritizedMailbox.collect(mailbox)
      assert.deepStrictEqual(all.toSorted(), [1, 2, 3, 4, 5, 6])
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [[], []])
    })
  )

  it.effect("M6 is there in data-last form", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number, string>({ capacity: 4 })
      assert.isTrue(yield* pipe(mailbox, PrioritizedMailbox.offer(1, "urgent")))
      assert.deepStrictEqual(yield* pipe(mailbox, PrioritizedMailbox.offerAll([2, 3, 4], "standard")), [])
      assert.deepStrictEqual(yield* pipe(mailbox, PrioritizedMailbox.offerEvicting(5, "urgent")), Option.none())
      assert.strictEqual(yield* pipe(mailbox, PrioritizedMailbox.size("standard")), 3)
      assert.isFalse(yield* pipe(mailbox, PrioritizedMailbox.isFull("standard")))
      assert.deepStrictEqual(
        yield* pipe(
          mailbox,
          PrioritizedMailbox.remove((n: number) => n === 3)
        ),
        [3]
      )
      assert.deepStrictEqual(yield* pipe(mailbox, PrioritizedMailbox.takeN(2)), [1, 5])
      assert.deepStrictEqual(yield* pipe(mailbox, PrioritizedMailbox.takeBetween(1, 9)), [2, 4])
      assert.isTrue(yield* pipe(mailbox, PrioritizedMailbox.fail("boom")))
      assert.isFalse(yield* pipe(mailbox, PrioritizedMailbox.failCause(Cause.fail("late"))))
    })
  )

  it("M6 has a path without Effect", () => {
    const mailbox = PrioritizedMailbox.makeUnsafe<number, Cause.Done>()
    assert.isTrue(PrioritizedMailbox.offerUnsafe(mailbox, 1, "standard"))
    assert.isTrue(PrioritizedMailbox.offerUnsafe(mailbox, 2, "urgent"))
    assert.strictEqual(PrioritizedMailbox.peekUnsafe(mailbox), 2)
    assert.strictEqual(PrioritizedMailbox.sizeUnsafe(mailbox), 2)
    assert.strictEqual(PrioritizedMailbox.sizeUnsafe(mailbox, "urgent"), 1)
    assert.isFalse(PrioritizedMailbox.isFullUnsafe(mailbox))
    assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), 2)
    assert.isTrue(PrioritizedMailbox.endUnsafe(mailbox))
    assert.deepStrictEqual(PrioritizedMailbox.takeUnsafe(mailbox), Exit.succeed(1))
    assert.deepStrictEqual(PrioritizedMailbox.takeUnsafe(mailbox), Exit.fail(Cause.Done()))
    assert.isUndefined(PrioritizedMailbox.pollUnsafe(mailbox))
    assert.isUndefined(PrioritizedMailbox.peekUnsafe(mailbox))
    assert.isFalse(PrioritizedMailbox.shutdownUnsafe(mailbox))
  })

  it.effect("M6 a stream takes an element when it wants it, so that the urgent still goes first", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<string, Cause.Done>()
      yield* PrioritizedMailbox.offerAll(mailbox, ["s1", "s2"], "standard")
      const seen = yield* PrioritizedMailbox.toStream(mailbox).pipe(
        Stream.tap((element) =>
          element === "s1"
            ? Effect.andThen(PrioritizedMailbox.offer(mailbox, "u1", "urgent"), PrioritizedMailbox.end(mailbox))
            : Effect.void
        ),
        Stream.runCollect
      )
      assert.deepStrictEqual(seen, ["s1", "u1", "s2"])
      const batches = yield* PrioritizedMailbox.make<number, Cause.Done>()
      yield* PrioritizedMailbox.offerAll(batches, [1, 2, 3], "standard")
      yield* PrioritizedMailbox.end(batches)
      const sizes = PrioritizedMailbox.toStream(batches, { batchSize: 2 }).pipe(
        Stream.chunks,
        Stream.map((a) => a.length)
      )
      assert.deepStrictEqual(yield* Stream.runCollect(sizes), [2, 1])
    })
  )

  it.effect("M6 tells its own from anything else", () =>
    Effect.gen(function* () {
      assert.isTrue(PrioritizedMailbox.isPrioritizedMailbox(yield* PrioritizedMailbox.unbounded<number>()))
      for (const other of [undefined, null, 1, "urgent", {}, []]) {
        assert.isFalse(PrioritizedMailbox.isPrioritizedMailbox(other))
      }
    })
  )

  it.effect("M7 remove takes waiting elements out of every lane, and makes room", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>({ capacity: 3 })
      yield* PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")
      yield* PrioritizedMailbox.offerAll(mailbox, [4, 5, 6], "urgent")
      const waiting = yield* Effect.forkChild(PrioritizedMailbox.offer(mailbox, 8, "standard"))
      yield* pause
      const even = yield* PrioritizedMailbox.remove(mailbox, (n) => n % 2 === 0)
      assert.deepStrictEqual(even, [4, 6, 2])
      assert.isTrue(yield* Fiber.join(waiting))
      assert.deepStrictEqual(yield* PrioritizedMailbox.remove(mailbox, (_, lane) => lane === "urgent"), [5])
      assert.deepStrictEqual(yield* PrioritizedMailbox.takeAll(mailbox), [1, 3, 8])
      const { lanes } = yield* PrioritizedMailbox.counters(mailbox)
      assert.deepStrictEqual(lanes.urgent, { size: 0, offered: 3, taken: 0, dropped: 0, removed: 3 })
      assert.deepStrictEqual(lanes.standard, { size: 0, offered: 4, taken: 3, dropped: 0, removed: 1 })
    })
  )

  it.effect("M7 remove takes out nothing when its predicate throws", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>()
      yield* PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")
      const exit = yield* Effect.exit(
        PrioritizedMailbox.remove(mailbox, (n) => {
          if (n === 3) throw new Error("no")
          return true
        })
      )
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* PrioritizedMailbox.takeAll(mailbox), [1, 2, 3])
    })
  )

  it.effect("M7 remove of the last element ends a mailbox that is ending", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number, Cause.Done>()
      yield* PrioritizedMailbox.offer(mailbox, 1, "standard")
      yield* PrioritizedMailbox.end(mailbox)
      const fiber = yield* Effect.forkChild(PrioritizedMailbox.await(mailbox))
      yield* pause
      yield* PrioritizedMailbox.remove(mailbox, () => true)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("M8 counts each lane, and the takes that went out of order", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number>({ scheduling: { maxSkips: 1 } })
      yield* PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "urgent")
      yield* PrioritizedMailbox.offerAll(mailbox, [4, 5], "standard")
      assert.deepStrictEqual(yield* PrioritizedMailbox.takeN(mailbox, 4), [1, 4, 2, 5])
      assert.deepStrictEqual(yield* PrioritizedMailbox.counters(mailbox), {
        lanes: {
          urgent: { size: 1, offered: 3, taken: 2, dropped: 0, removed: 0 },
          standard: { size: 0, offered: 2, taken: 2, dropped: 0, removed: 0 }
        },
        outOfOrder: 2
      })
    })
  )

  it("M9 names the option that is invalid", () => {
    for (const capacity of [0, -1, Number.NaN, 1.5, "8", null]) {
      assert.strictEqual(invalid({ capacity }).argument, "capacity")
    }
    assert.strictEqual(invalid({ capacity: { urgent: 1, standard: 0 } }).argument, "capacity.standard")
    assert.strictEqual(invalid({ capacity: { urgent: 1 } }).argument, "capacity.standard")
    for (const lanes of [[], ["a", "a"], "urgent", null, Array.from({ length: 33 }, (_, i) => `${i}`)]) {
      assert.strictEqual(invalid({ lanes }).argument, "lanes")
    }
    assert.strictEqual(invalid({ strategy: "drop" }).argument, "strategy")
    for (const scheduling of ["lenient", {}, { maxSkips: 0 }, { maxSkips: Number.NaN }, { maxSkips: 0.5 }, null]) {
      assert.strictEqual(invalid({ scheduling }).argument, "scheduling.maxSkips")
    }
    assert.strictEqual(invalid({ capacity: -1 }).message, "capacity must be a positive integer, not -1")
  })

  it.effect("M9 is a defect of the effect that makes the mailbox", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(PrioritizedMailbox.bounded<number>(0))
      assert.isTrue(
        Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof PrioritizedMailbox.MailboxArgumentInvalid
      )
    })
  )

  it.effect("M9 an unknown lane is a defect that names the lanes there are", () =>
    Effect.gen(function* () {
      const mailbox = yield* PrioritizedMailbox.make<number, never, string>({ lanes: ["high", "low"], capacity: 1 })
      const wrong = [
        PrioritizedMailbox.offer(mailbox, 1, "middle"),
        PrioritizedMailbox.offerAll(mailbox, [1], "middle"),
        PrioritizedMailbox.offerEvicting(mailbox, 1, "middle"),
        PrioritizedMailbox.size(mailbox, "middle"),
        PrioritizedMailbox.isFull(mailbox, "middle"),
        Effect.sync(() => PrioritizedMailbox.offerUnsafe(mailbox, 1, "middle"))
      ]
      for (const effect of wrong) {
        const exit = yield* Effect.exit<unknown, never, never>(effect)
        assert.isTrue(Exit.isFailure(exit))
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(defect, PrioritizedMailbox.MailboxArgumentInvalid)
        assert.strictEqual(defect.message, "lane must be of high, low, not middle")
      }
      assert.strictEqual(yield* PrioritizedMailbox.size(mailbox), 0)
    })
  )

  it("M9 what is given is not what is kept", () => {
    const lanes = ["high", "low"]
    const capacity = { high: 1, low: 1 }
    const mailbox = PrioritizedMailbox.makeUnsafe<number, never, string>({ lanes, capacity })
    lanes.reverse()
    capacity.high = 2
    PrioritizedMailbox.offerUnsafe(mailbox, 1, "low")
    PrioritizedMailbox.offerUnsafe(mailbox, 2, "high")
    assert.isFalse(PrioritizedMailbox.offerUnsafe(mailbox, 3, "high"))
    assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), 2)
  })
})
