/** With one lane a mailbox behaves as Effect's own Queue: each case runs against both. */
import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Queue, Stream } from "effect"

interface Subject<E> {
  readonly offer: (element: number) => Effect.Effect<boolean>
  readonly offerAll: (elements: Iterable<number>) => Effect.Effect<Array<number>>
  readonly offerUnsafe: (element: number) => boolean
  readonly take: Effect.Effect<number, E>
  readonly takeAll: Effect.Effect<Array<number>, E>
  readonly takeN: (n: number) => Effect.Effect<Array<number>, E>
  readonly takeBetween: (min: number, max: number) => Effect.Effect<Array<number>, E>
  readonly takeUnsafe: () => Exit.Exit<number, E> | undefined
  readonly poll: Effect.Effect<Option.Option<number>>
  readonly peek: Effect.Effect<number, E>
  readonly clear: Effect.Effect<Array<number>, Exclude<E, Cause.Done>>
  readonly collect: Effect.Effect<Array<number>, Exclude<E, Cause.Done>>
  readonly stream: Stream.Stream<number, Exclude<E, Cause.Done>>
  readonly end: Effect.Effect<boolean>
  readonly fail: (error: string) => Effect.Effect<boolean>
  readonly failCause: (cause: Cause.Cause<string>) => Effect.Effect<boolean>
  readonly shutdown: Effect.Effect<boolean>
  readonly await: Effect.Effect<void, Exclude<E, Cause.Done>>
  readonly size: Effect.Effect<number>
  readonly isFull: Effect.Effect<boolean>
}

type Strategy = "suspend" | "dropping" | "sliding"

type Make = (capacity: number, strategy?: Strategy) => Effect.Effect<Subject<string | Cause.Done>>

const ofQueue: Make = (capacity, strategy) =>
  Effect.map(Queue.make<number, string | Cause.Done>({ capacity, strategy }), (queue) => ({
    offer: (element) => Queue.offer(queue, element),
    offerAll: (elements) => Queue.offerAll(queue, elements),
    offerUnsafe: (element) => Queue.offerUnsafe(queue, element),
    take: Queue.take(queue),
    takeAll: Queue.takeAll(queue),
    takeN: (n) => Queue.takeN(queue, n),
    takeBetween: (min, max) => Queue.takeBetween(queue, min, max),
    takeUnsafe: () => Queue.takeUnsafe(queue),
    poll: Queue.poll(queue),
    peek: Queue.peek(queue),
    clear: Queue.clear(queue),
    collect: Queue.collect(queue),
    stream: Stream.fromQueue(queue),
    end: Queue.end(queue),
    fail: (error) => Queue.fail(queue, error),
    failCause: (cause) => Queue.failCause(queue, cause),
    shutdown: Queue.shutdown(queue),
    await: Queue.await(queue),
    size: Queue.size(queue),
    isFull: Queue.isFull(queue)
  }))

const ofMailbox: Make = (capacity, strategy = "suspend") =>
  Effect.map(
    PrioritizedMailbox.make<number, string | Cause.Done, "only">({ lanes: ["only"], capacity, strategy }),
    (mailbox) => ({
      offer: (element) => PrioritizedMailbox.offer(mailbox, element, "only"),
      offerAll: (elements) => PrioritizedMailbox.offerAll(mailbox, elements, "only"),
      offerUnsafe: (element) => PrioritizedMailbox.offerUnsafe(mailbox, element, "only"),
      take: PrioritizedMailbox.take(mailbox),
      takeAll: PrioritizedMailbox.takeAll(mailbox),
      takeN: (n) => PrioritizedMailbox.takeN(mailbox, n),
      takeBetween: (min, max) => PrioritizedMailbox.takeBetween(mailbox, min, max),
      takeUnsafe: () => PrioritizedMailbox.takeUnsafe(mailbox),
      poll: PrioritizedMailbox.poll(mailbox),
      peek: PrioritizedMailbox.peek(mailbox),
      clear: PrioritizedMailbox.clear(mailbox),
      collect: PrioritizedMailbox.collect(mailbox),
      stream: PrioritizedMailbox.toStream(mailbox),
      end: PrioritizedMailbox.end(mailbox),
      fail: (error) => PrioritizedMailbox.fail(mailbox, error),
      failCause: (cause) => PrioritizedMailbox.failCause(mailbox, cause),
      shutdown: PrioritizedMailbox.shutdown(mailbox),
      await: PrioritizedMailbox.await(mailbox),
      size: PrioritizedMailbox.size(mailbox),
      isFull: PrioritizedMailbox.isFull(mailbox)
    })
  )

const pause = Effect.andThen(Effect.yieldNow, Effect.yieldNow)

const ended = <A, E>(fiber: Fiber.Fiber<A, E>): boolean => fiber.pollUnsafe() !== undefined

describe.each([
  ["Effect's Queue", ofQueue],
  ["a mailbox with one lane", ofMailbox]
] as const)("M6 %s", (_, make) => {
  const unbounded = make(Infinity)

  it.effect("gives in the order of the offers", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      assert.isTrue(yield* queue.offer(1))
      assert.deepStrictEqual(yield* queue.offerAll([2, 3]), [])
      assert.isTrue(queue.offerUnsafe(4))
      assert.strictEqual(yield* queue.take, 1)
      assert.deepStrictEqual(yield* queue.takeAll, [2, 3, 4])
    })
  )

  it.effect("holds what fits and suspends the rest of an offer", () =>
    Effect.gen(function* () {
      const queue = yield* make(2)
      const fiber = yield* Effect.forkChild(queue.offerAll([1, 2, 3, 4]))
      yield* pause
      assert.isFalse(ended(fiber))
      assert.isTrue(yield* queue.isFull)
      assert.deepStrictEqual(yield* queue.takeAll, [1, 2])
      yield* pause
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed([]))
      assert.deepStrictEqual(yield* queue.takeAll, [3, 4])
    })
  )

  it.effect("is filled again by what waits as soon as something is taken", () =>
    Effect.gen(function* () {
      const queue = yield* make(1)
      yield* queue.offer(1)
      const fiber = yield* Effect.forkChild(queue.offer(2))
      yield* pause
      assert.isFalse(queue.offerUnsafe(3))
      assert.strictEqual(yield* queue.take, 1)
      assert.strictEqual(yield* queue.size, 1)
      assert.isTrue(yield* queue.isFull)
      assert.deepStrictEqual(yield* queue.poll, Option.some(2))
      assert.isTrue(yield* Fiber.join(fiber))
      assert.deepStrictEqual(yield* queue.poll, Option.none())
    })
  )

  it.effect("withdraws an offer that is interrupted while it waits", () =>
    Effect.gen(function* () {
      const queue = yield* make(1)
      yield* queue.offer(1)
      const fiber = yield* Effect.forkChild(queue.offer(2))
      yield* pause
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* queue.takeAll, [1])
      assert.strictEqual(yield* queue.size, 0)
    })
  )

  it.effect("dropping answers what it did not take", () =>
    Effect.gen(function* () {
      const queue = yield* make(2, "dropping")
      assert.deepStrictEqual(yield* queue.offerAll([1, 2, 3, 4]), [3, 4])
      assert.isFalse(yield* queue.offer(5))
      assert.isFalse(queue.offerUnsafe(6))
      assert.deepStrictEqual(yield* queue.takeAll, [1, 2])
    })
  )

  it.effect("sliding keeps the newest", () =>
    Effect.gen(function* () {
      const queue = yield* make(2, "sliding")
      assert.deepStrictEqual(yield* queue.offerAll([1, 2, 3, 4]), [])
      assert.isTrue(yield* queue.offer(5))
      assert.isTrue(queue.offerUnsafe(6))
      assert.deepStrictEqual(yield* queue.takeAll, [5, 6])
    })
  )

  it.effect("a take waits for an offer, and takes are served in their order", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const first = yield* Effect.forkChild(queue.take)
      const second = yield* Effect.forkChild(queue.take)
      yield* pause
      yield* queue.offerAll([1, 2])
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [1, 2])
    })
  )

  it.effect("an interrupted take leaves the element to the next", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const first = yield* Effect.forkChild(queue.take)
      const second = yield* Effect.forkChild(queue.take)
      yield* pause
      yield* queue.offer(1)
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* Fiber.join(second), 1)
    })
  )

  it.effect("takeN waits for as many, but not for more than fit", () =>
    Effect.gen(function* () {
      const queue = yield* make(3)
      const two = yield* Effect.forkChild(queue.takeN(2))
      yield* pause
      yield* queue.offer(1)
      yield* pause
      assert.isFalse(ended(two))
      yield* queue.offer(2)
      assert.deepStrictEqual(yield* Fiber.join(two), [1, 2])
      const four = yield* Effect.forkChild(queue.takeN(4))
      yield* pause
      yield* queue.offerAll([3, 4, 5])
      assert.deepStrictEqual(yield* Fiber.join(four), [3, 4, 5])
    })
  )

  it.effect("takeBetween takes up to its most", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.offerAll([1, 2, 3])
      assert.deepStrictEqual(yield* queue.takeBetween(1, 2), [1, 2])
      assert.deepStrictEqual(yield* queue.takeBetween(0, 2), [])
      assert.deepStrictEqual(yield* queue.takeBetween(1, 0), [])
      assert.deepStrictEqual(yield* queue.takeBetween(1, 2.9), [3])
      const fiber = yield* Effect.forkChild(queue.takeBetween(2, 3))
      yield* pause
      yield* queue.offer(4)
      yield* pause
      assert.isFalse(ended(fiber))
      yield* queue.end
      assert.deepStrictEqual(yield* Fiber.join(fiber), [4])
    })
  )

  it.effect("poll answers at once", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      assert.deepStrictEqual(yield* queue.poll, Option.none())
      yield* queue.offer(1)
      assert.deepStrictEqual(yield* queue.poll, Option.some(1))
      yield* queue.end
      assert.deepStrictEqual(yield* queue.poll, Option.none())
    })
  )

  it.effect("peek waits and takes nothing", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const fiber = yield* Effect.forkChild(queue.peek)
      yield* pause
      yield* queue.offer(1)
      assert.strictEqual(yield* Fiber.join(fiber), 1)
      assert.strictEqual(yield* queue.peek, 1)
      assert.strictEqual(yield* queue.size, 1)
    })
  )

  it.effect("clear empties without waiting", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      assert.deepStrictEqual(yield* queue.clear, [])
      yield* queue.offerAll([1, 2])
      assert.deepStrictEqual(yield* queue.clear, [1, 2])
      yield* queue.end
      assert.deepStrictEqual(yield* queue.clear, [])
    })
  )

  it.effect("clear fails once the queue has failed", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.fail("boom")
      assert.strictEqual(yield* Effect.flip(queue.clear), "boom")
    })
  )

  it.effect("takeUnsafe answers an exit, or undefined while there is nothing", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      assert.isUndefined(queue.takeUnsafe())
      yield* queue.offer(1)
      assert.deepStrictEqual(queue.takeUnsafe(), Exit.succeed(1))
      yield* queue.fail("boom")
      assert.deepStrictEqual(queue.takeUnsafe(), Exit.fail("boom"))
    })
  )

  it.effect("end delivers what is inside, then is done", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.offerAll([1, 2])
      assert.isTrue(yield* queue.end)
      assert.isFalse(yield* queue.end)
      assert.isFalse(yield* queue.fail("late"))
      assert.isFalse(yield* queue.offer(3))
      assert.deepStrictEqual(yield* queue.offerAll([3, 4]), [3, 4])
      assert.strictEqual(yield* queue.size, 2)
      assert.strictEqual(yield* queue.take, 1)
      assert.strictEqual(yield* queue.take, 2)
      assert.isTrue(Cause.isDone(yield* Effect.flip(queue.take)))
      assert.isTrue(Cause.isDone(yield* Effect.flip(queue.takeAll)))
      assert.isTrue(Cause.isDone(yield* Effect.flip(queue.takeBetween(0, 1))))
    })
  )

  it.effect("end delivers what waits to come in", () =>
    Effect.gen(function* () {
      const queue = yield* make(2)
      const fibers = [
        yield* Effect.forkChild(queue.offerAll([1, 2, 3, 4])),
        yield* Effect.forkChild(queue.offerAll([5, 6, 7, 8])),
        yield* Effect.forkChild(queue.offer(9))
      ]
      yield* pause
      yield* queue.end
      assert.deepStrictEqual(yield* Stream.runCollect(queue.stream), [1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.deepStrictEqual(yield* Effect.forEach(fibers, (fiber) => Fiber.join<unknown, never>(fiber)), [
        [],
        [],
        true
      ])
      yield* queue.await
      assert.isFalse(yield* queue.offer(10))
    })
  )

  it.effect("end is done once the last offer that waited is interrupted", () =>
    Effect.gen(function* () {
      const queue = yield* make(1)
      yield* queue.offer(1)
      const offer = yield* Effect.forkChild(queue.offer(2))
      yield* pause
      yield* queue.end
      yield* Fiber.interrupt(offer)
      assert.strictEqual(yield* queue.take, 1)
      assert.isTrue(Cause.isDone(yield* Effect.flip(queue.take)))
    })
  )

  it.effect("end releases takes that wait", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const fiber = yield* Effect.forkChild(Effect.flip(queue.take))
      yield* pause
      yield* queue.end
      assert.isTrue(Cause.isDone(yield* Fiber.join(fiber)))
    })
  )

  it.effect("fail delivers what is inside, then the error", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.offer(1)
      assert.isTrue(yield* queue.fail("boom"))
      assert.strictEqual(yield* queue.take, 1)
      assert.strictEqual(yield* Effect.flip(queue.take), "boom")
      assert.strictEqual(yield* Effect.flip(queue.await), "boom")
    })
  )

  it.effect("failCause ends with the whole cause", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.failCause(Cause.die("defect"))
      assert.deepStrictEqual(yield* Effect.exit(queue.take), Exit.die("defect"))
    })
  )

  it.effect("shutdown discards what is inside and what waits, and interrupts takes", () =>
    Effect.gen(function* () {
      const queue = yield* make(2)
      const all = yield* Effect.forkChild(queue.offerAll([1, 2, 3, 4]))
      const one = yield* Effect.forkChild(queue.offer(5))
      yield* pause
      assert.isTrue(yield* queue.shutdown)
      assert.isFalse(yield* queue.shutdown)
      assert.deepStrictEqual(yield* Fiber.join(all), [3, 4])
      assert.isFalse(yield* Fiber.join(one))
      assert.strictEqual(yield* queue.size, 0)
      assert.isFalse(yield* queue.offer(6))
      const exit = yield* Effect.exit(queue.take)
      assert.isTrue(Exit.hasInterrupts(exit))
    })
  )

  it.effect("shutdown releases takes that wait", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const fiber = yield* Effect.forkChild(queue.take)
      yield* pause
      yield* queue.shutdown
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    })
  )

  it.effect("shutdown of a failing queue keeps its error", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.offer(1)
      yield* queue.fail("boom")
      assert.isTrue(yield* queue.shutdown)
      assert.strictEqual(yield* Effect.flip(queue.take), "boom")
    })
  )

  it.effect("await waits until nothing is left", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      const fiber = yield* Effect.forkChild(queue.await)
      yield* queue.offerAll([1, 2])
      yield* queue.end
      yield* pause
      assert.isFalse(ended(fiber))
      assert.deepStrictEqual(yield* queue.takeAll, [1, 2])
      yield* Fiber.join(fiber)
    })
  )

  it.effect("collect takes everything until the end", () =>
    Effect.gen(function* () {
      const queue = yield* make(1)
      const fiber = yield* Effect.forkChild(queue.collect)
      yield* queue.offerAll([1, 2, 3])
      yield* queue.end
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3])
    })
  )

  it.effect("collect fails with the error", () =>
    Effect.gen(function* () {
      const queue = yield* unbounded
      yield* queue.offer(1)
      yield* queue.fail("boom")
      assert.strictEqual(yield* Effect.flip(queue.collect), "boom")
    })
  )

  it.effect("a stream ends with the queue, and fails with its error", () =>
    Effect.gen(function* () {
      const ending = yield* unbounded
      yield* ending.offerAll([1, 2])
      yield* ending.end
      assert.deepStrictEqual(yield* Stream.runCollect(ending.stream), [1, 2])
      const failing = yield* unbounded
      yield* failing.fail("boom")
      assert.strictEqual(yield* Effect.flip(Stream.runCollect(failing.stream)), "boom")
    })
  )

  it("works inside Effect.runSync", () => {
    const program = Effect.gen(function* () {
      const queue = yield* make(1)
      const fiber = yield* Effect.forkChild(Effect.all([queue.take, queue.take, queue.take]))
      yield* queue.offerAll([1, 2, 3])
      return yield* Fiber.join(fiber)
    })
    assert.deepStrictEqual(Effect.runSync(program), [1, 2, 3])
  })
})
