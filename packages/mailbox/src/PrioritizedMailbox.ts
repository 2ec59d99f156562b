/**
 * A queue between fibers whose elements wait in named lanes: what is urgent goes first, and nothing waits forever.
 *
 * Use it where one consumer, or a few, serve work of different urgency. It is `Queue` with lanes: the same operations, the
 * same completion, the same strategies for a full queue, each lane with a capacity of its own.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.make<string>({ capacity: 1024 })
 *   yield* PrioritizedMailbox.offer(mailbox, "report", "standard")
 *   yield* PrioritizedMailbox.offer(mailbox, "alarm", "urgent")
 *   return yield* PrioritizedMailbox.takeAll(mailbox)
 * })
 *
 * console.log(await Effect.runPromise(program)) // [ "alarm", "report" ]
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual, identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type * as Types from "effect/Types"
import type { Counters } from "./internal/Lanes.ts"
import { Mailbox, TypeId } from "./internal/Mailbox.ts"
import type { MailboxFull } from "./internal/MailboxError.ts"
import { offering, offeringInTurn } from "./internal/Offer.ts"
import type { defaultLanes, Strategy as AnyStrategy } from "./internal/Options.ts"
import { taking } from "./internal/Take.ts"
import { Waiter } from "./internal/Waiter.ts"

export type { Counters, LaneCounters } from "./internal/Lanes.ts"
export { MailboxArgumentInvalid, MailboxFull } from "./internal/MailboxError.ts"

/**
 * What happens to an offer when its lane is full: it waits for its turn (`"suspend"`), answers false (`"dropping"`), makes
 * room by giving up the oldest element of the lane (`"sliding"`), or fails with {@link MailboxFull} (`"fail"`).
 *
 * @category models
 * @since 0.1.0
 */
export type Strategy = AnyStrategy

/**
 * The lanes of a mailbox that is made without naming any, highest first.
 *
 * @category models
 * @since 0.1.0
 */
export type DefaultLane = (typeof defaultLanes)[number]

/**
 * Which lane the next take is served from. `"strict"`: the highest that holds something, so that a busy high lane starves
 * the lower ones. `{ maxSkips: n }`: the same, but a lane that was passed over `n` times while it held something is overdue,
 * and the highest overdue lane goes first.
 *
 * @category models
 * @since 0.1.0
 */
export type Scheduling = "strict" | { readonly maxSkips: number }

/**
 * How a mailbox is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Lane extends string = string, S extends Strategy = Strategy> {
  /** 1 to 32 names, highest first; `["urgent", "standard"]` unless given. */
  readonly lanes?: ReadonlyArray<Lane> | undefined
  /** How many elements each lane holds, or a record of each lane's own; unbounded unless given. */
  readonly capacity?: number | { readonly [L in Lane]: number } | undefined
  /** What happens to an offer at a full lane; `"suspend"` unless given. */
  readonly strategy?: S | undefined
  /** `{ maxSkips: 8 }` unless given. */
  readonly scheduling?: Scheduling | undefined
}

/**
 * The producer's side of a mailbox: offers and completion. `OfferError` is {@link MailboxFull} where the strategy is
 * `"fail"`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Enqueue<
  in A,
  in E = never,
  in Lane extends string = DefaultLane,
  out OfferError extends MailboxFull = never
> {
  readonly [TypeId]: { readonly offers?: Enqueue.Variance<A, E, Lane, OfferError> }
}

/**
 * @since 0.1.0
 */
export declare namespace Enqueue {
  /**
   * What flows in, and what offers fail with.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Variance<in A, in E, in Lane, out OfferError> {
    readonly _A?: Types.Contravariant<A>
    readonly _E?: Types.Contravariant<E>
    readonly _Lane?: Types.Contravariant<Lane>
    readonly _OfferError?: Types.Covariant<OfferError>
  }
}

/**
 * The consumer's side of a mailbox: takes, and what they leave. `Lane` names the lanes that can be asked about; a consumer
 * that asks about none leaves it out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dequeue<out A, out E = never, in Lane extends string = never> {
  readonly [TypeId]: { readonly takes?: Dequeue.Variance<A, E, Lane> }
}

/**
 * @since 0.1.0
 */
export declare namespace Dequeue {
  /**
   * What flows out, and the lanes that can be asked about.
   *
   * @category models
   * @since 0.1.0
   */
  export interface Variance<out A, out E, in Lane> {
    readonly _A?: Types.Covariant<A>
    readonly _E?: Types.Covariant<E>
    readonly _Lane?: Types.Contravariant<Lane>
  }
}

/**
 * A mailbox of elements `A` that may end with an error `E`, with lanes named `Lane`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PrioritizedMailbox<
  in out A,
  in out E = never,
  in Lane extends string = DefaultLane,
  out OfferError extends MailboxFull = never
>
  extends Enqueue<A, E, Lane, OfferError>, Dequeue<A, E, Lane> {
  readonly [TypeId]: {
    readonly offers?: Enqueue.Variance<A, E, Lane, OfferError>
    readonly takes?: Dequeue.Variance<A, E, Lane>
  }
}

// Every mailbox is one of ours: the interfaces only hide it.
function reveal<A, E>(self: Enqueue<A, E, never, MailboxFull> | Dequeue<A, E>): Mailbox<A, E> {
  return self as unknown as Mailbox<A, E>
}

// -----------------------------------------------------------------------------
// guards and views
// -----------------------------------------------------------------------------

/**
 * Whether a value is a mailbox.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPrioritizedMailbox = (u: unknown): u is PrioritizedMailbox<unknown, unknown, string, MailboxFull> =>
  TypeId in Object(u)

/**
 * The producer's side alone. The same object, by a narrower type.
 *
 * @category converting
 * @since 0.1.0
 */
export const asEnqueue: <A, E, Lane extends string, OfferError extends MailboxFull>(
  self: PrioritizedMailbox<A, E, Lane, OfferError>
) => Enqueue<A, E, Lane, OfferError> = identity

/**
 * The consumer's side alone. The same object, by a narrower type.
 *
 * @category converting
 * @since 0.1.0
 */
export const asDequeue: <A, E, Lane extends string>(
  self: PrioritizedMailbox<A, E, Lane, MailboxFull>
) => Dequeue<A, E, Lane> = identity

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

type Waits = Exclude<Strategy, "fail">

type Unnamed<S extends Strategy> = Options<DefaultLane, S> & { readonly lanes?: undefined }

type Named<Lane extends string, S extends Strategy> = Options<Lane, S> & { readonly lanes: ReadonlyArray<Lane> }

/**
 * Makes a mailbox. Invalid options are a defect, {@link MailboxArgumentInvalid}, that names the option.
 *
 * Lanes are typed by their names. TypeScript infers no type argument where one is given, so beside an explicit element type
 * the names `urgent`, `standard` and `background` are known, and other names are `string` unless they are given too:
 * `make<Job, never, "high" | "low">({ lanes: ["high", "low"] })`. An unknown lane that the types let pass is a defect of the
 * offer.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.make<string>({
 *     lanes: ["urgent", "standard", "background"],
 *     capacity: { urgent: 16, standard: 1024, background: 1024 },
 *     strategy: "dropping",
 *     scheduling: { maxSkips: 8 }
 *   })
 *   return yield* PrioritizedMailbox.offer(mailbox, "job", "background")
 * })
 *
 * console.log(await Effect.runPromise(program)) // true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <A, E = never>(options?: Unnamed<Waits>): Effect.Effect<PrioritizedMailbox<A, E>>
  <A, E = never>(options: Unnamed<Strategy>): Effect.Effect<PrioritizedMailbox<A, E, DefaultLane, MailboxFull>>
  <A, E = never, const Lane extends string = DefaultLane | "background">(
    options: Named<Lane, Waits>
  ): Effect.Effect<PrioritizedMailbox<A, E, Lane>>
  <A, E = never, const Lane extends string = DefaultLane | "background">(
    options: Named<Lane, Strategy>
  ): Effect.Effect<PrioritizedMailbox<A, E, Lane, MailboxFull>>
  <A, E = never>(options: Named<string, Waits>): Effect.Effect<PrioritizedMailbox<A, E, string>>
  <A, E = never>(options: Named<string, Strategy>): Effect.Effect<PrioritizedMailbox<A, E, string, MailboxFull>>
} = <A, E>(options: Options = {}): Effect.Effect<PrioritizedMailbox<A, E, string>> =>
  Effect.sync(() => new Mailbox<A, E>(options))

/**
 * Makes a mailbox without `Effect`. Invalid options throw {@link MailboxArgumentInvalid}.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 *
 * const mailbox = PrioritizedMailbox.makeUnsafe<string>({ capacity: 16 })
 * PrioritizedMailbox.offerUnsafe(mailbox, "job", "standard")
 * console.log(PrioritizedMailbox.pollUnsafe(mailbox)) // job
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnsafe: {
  <A, E = never>(options?: Unnamed<Waits>): PrioritizedMailbox<A, E>
  <A, E = never>(options: Unnamed<Strategy>): PrioritizedMailbox<A, E, DefaultLane, MailboxFull>
  <A, E = never, const Lane extends string = DefaultLane | "background">(
    options: Named<Lane, Waits>
  ): PrioritizedMailbox<A, E, Lane>
  <A, E = never, const Lane extends string = DefaultLane | "background">(
    options: Named<Lane, Strategy>
  ): PrioritizedMailbox<A, E, Lane, MailboxFull>
  <A, E = never>(options: Named<string, Waits>): PrioritizedMailbox<A, E, string>
  <A, E = never>(options: Named<string, Strategy>): PrioritizedMailbox<A, E, string, MailboxFull>
} = <A, E>(options: Options = {}): PrioritizedMailbox<A, E, string> => new Mailbox<A, E>(options)

/**
 * Makes a mailbox with the default lanes whose offers wait at a full lane.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bounded = <A, E = never>(capacity: number): Effect.Effect<PrioritizedMailbox<A, E>> =>
  make<A, E>({ capacity })

/**
 * Makes a mailbox with the default lanes whose offers answer false at a full lane.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dropping = <A, E = never>(capacity: number): Effect.Effect<PrioritizedMailbox<A, E>> =>
  make<A, E>({ capacity, strategy: "dropping" })

/**
 * Makes a mailbox with the default lanes that gives up the oldest element of a full lane for a new one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sliding = <A, E = never>(capacity: number): Effect.Effect<PrioritizedMailbox<A, E>> =>
  make<A, E>({ capacity, strategy: "sliding" })

/**
 * Makes a mailbox with the default lanes whose offers fail with {@link MailboxFull} at a full lane.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failing = <A, E = never>(
  capacity: number
): Effect.Effect<PrioritizedMailbox<A, E, DefaultLane, MailboxFull>> => make<A, E>({ capacity, strategy: "fail" })

/**
 * Makes a mailbox with the default lanes, which hold whatever memory holds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unbounded = <A, E = never>(): Effect.Effect<PrioritizedMailbox<A, E>> => make<A, E>()

// -----------------------------------------------------------------------------
// offers
// -----------------------------------------------------------------------------

/**
 * Offers an element to a lane and answers whether it was accepted, which is false once the mailbox is ending, or where
 * the strategy drops it. Where the strategy is `"suspend"` it waits for its turn at a full lane; interrupted, it
 * withdraws the element. Where it is `"fail"` it fails with {@link MailboxFull}. An accepted element is delivered, even
 * if the fiber is interrupted right after.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.failing<string>(1)
 *   yield* PrioritizedMailbox.offer(mailbox, "first", "urgent")
 *   return yield* Effect.flip(PrioritizedMailbox.offer(mailbox, "second", "urgent"))
 * })
 *
 * const error = await Effect.runPromise(program)
 * console.log(error._tag, error.lane, error.capacity) // MailboxFull urgent 1
 * ```
 *
 * @category offering
 * @since 0.1.0
 */
export const offer: {
  <A, Lane extends string>(
    element: A,
    lane: Lane
  ): <E, OfferError extends MailboxFull>(self: Enqueue<A, E, Lane, OfferError>) => Effect.Effect<boolean, OfferError>
  <A, E, Lane extends string, OfferError extends MailboxFull>(
    self: Enqueue<A, E, Lane, OfferError>,
    element: Types.NoInfer<A>,
    lane: Types.NoInfer<Lane>
  ): Effect.Effect<boolean, OfferError>
} = dual(
  3,
  <A, E, Lane extends string, OfferError extends MailboxFull>(
    self: Enqueue<A, E, Lane, OfferError>,
    element: A,
    lane: Lane
  ) => offering<A, E, OfferError>(reveal(self), element, lane)
)

/**
 * Offers elements to a lane, in order, and answers those that were not accepted, because the mailbox is ending or the
 * strategy drops them. Where the strategy is `"suspend"` it waits until all are in; interrupted, it leaves in what was
 * accepted. Where it is `"fail"` either all are accepted or it fails with {@link MailboxFull}.
 *
 * @category offering
 * @since 0.1.0
 */
export const offerAll: {
  <A, Lane extends string>(
    elements: Iterable<A>,
    lane: Lane
  ): <E, OfferError extends MailboxFull>(self: Enqueue<A, E, Lane, OfferError>) => Effect.Effect<Array<A>, OfferError>
  <A, E, Lane extends string, OfferError extends MailboxFull>(
    self: Enqueue<A, E, Lane, OfferError>,
    elements: Iterable<Types.NoInfer<A>>,
    lane: Types.NoInfer<Lane>
  ): Effect.Effect<Array<A>, OfferError>
} = dual(
  3,
  <A, E, Lane extends string, OfferError extends MailboxFull>(
    self: Enqueue<A, E, Lane, OfferError>,
    elements: Iterable<A>,
    lane: Lane
  ) => Effect.suspend(() => offeringInTurn<A, E, Array<A>, OfferError>(reveal(self), elements, lane, identity))
)

/**
 * Offers an element without `Effect` and without waiting; answers whether it was accepted. An unknown lane throws
 * {@link MailboxArgumentInvalid}.
 *
 * @category offering
 * @since 0.1.0
 */
export const offerUnsafe = <A, E, Lane extends string>(
  self: Enqueue<A, E, Lane, MailboxFull>,
  element: Types.NoInfer<A>,
  lane: Types.NoInfer<Lane>
): boolean => {
  const mailbox = reveal(self)
  return mailbox.accept(element, lane)
}

/**
 * Offers an element without waiting and answers the one that was lost for it: the oldest of a full lane where the strategy
 * is `"sliding"`, the offered one itself where it was not accepted, none where there was room.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.sliding<string>(1)
 *   yield* PrioritizedMailbox.offer(mailbox, "old", "standard")
 *   return yield* PrioritizedMailbox.offerEvicting(mailbox, "new", "standard")
 * })
 *
 * console.log(await Effect.runPromise(program)) // Some("old")
 * ```
 *
 * @category offering
 * @since 0.1.0
 */
export const offerEvicting: {
  <A, Lane extends string>(
    element: A,
    lane: Lane
  ): <E>(self: Enqueue<A, E, Lane, MailboxFull>) => Effect.Effect<Option.Option<A>>
  <A, E, Lane extends string>(
    self: Enqueue<A, E, Lane, MailboxFull>,
    element: A,
    lane: Types.NoInfer<Lane>
  ): Effect.Effect<Option.Option<A>>
} = dual(3, <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>, element: A, name: Lane) =>
  Effect.sync(() => {
    const mailbox = reveal(self)
    const lane = mailbox.lane(name)
    const lost = lane.isFull ? Option.some(lane.peek() as A) : Option.none()
    return mailbox.accept(element, name) ? lost : Option.some(element)
  })
)

// -----------------------------------------------------------------------------
// takes
// -----------------------------------------------------------------------------

/**
 * Takes the element that goes next, waiting for one if there is none. Fails with the error of the mailbox once that has
 * ended and nothing is left. An element that was taken is delivered: interruption comes either before or after.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect, Fiber } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.make<string>()
 *   const consumer = yield* Effect.forkChild(PrioritizedMailbox.take(mailbox))
 *   yield* PrioritizedMailbox.offer(mailbox, "job", "standard")
 *   return yield* Fiber.join(consumer)
 * })
 *
 * console.log(await Effect.runPromise(program)) // job
 * ```
 *
 * @category taking
 * @since 0.1.0
 */
export const take = <A, E>(self: Dequeue<A, E>): Effect.Effect<A, E> => {
  const mailbox = reveal(self)
  return taking(mailbox, 1, () => mailbox.shift())
}

const takeUpTo = <A, E>(self: Dequeue<A, E>, min: number, max: number): Effect.Effect<[A, ...Array<A>], E> => {
  const mailbox = reveal(self)
  // Of at least one, as no take waits for less.
  return taking(mailbox, min, () => mailbox.shiftMany(max) as [A, ...Array<A>])
}

/**
 * Takes all elements, in the order of single takes, waiting for one if there is none.
 *
 * @category taking
 * @since 0.1.0
 */
export const takeAll = <A, E>(self: Dequeue<A, E>): Effect.Effect<[A, ...Array<A>], E> => takeUpTo(self, 1, Infinity)

/**
 * Takes `n` elements, waiting until there are as many. It takes fewer where more cannot come: once the mailbox is
 * ending, or when a lane is full.
 *
 * @category taking
 * @since 0.1.0
 */
export const takeN: {
  (n: number): <A, E>(self: Dequeue<A, E>) => Effect.Effect<Array<A>, E>
  <A, E>(self: Dequeue<A, E>, n: number): Effect.Effect<Array<A>, E>
} = dual(2, <A, E>(self: Dequeue<A, E>, n: number): Effect.Effect<Array<A>, E> => takeBetween(self, n, n))

/**
 * Takes up to `max` elements, waiting until there are at least `min`. It takes fewer than `min` where more cannot come:
 * once the mailbox is ending, or when a lane is full.
 *
 * @category taking
 * @since 0.1.0
 */
export const takeBetween: {
  (min: number, max: number): <A, E>(self: Dequeue<A, E>) => Effect.Effect<Array<A>, E>
  <A, E>(self: Dequeue<A, E>, min: number, max: number): Effect.Effect<Array<A>, E>
} = dual(3, <A, E>(self: Dequeue<A, E>, min: number, max: number): Effect.Effect<Array<A>, E> => {
  const mailbox = reveal(self)
  const least = count(min)
  const most = count(max)
  if (least > 0 && most > 0) return takeUpTo(self, least, most)
  return Effect.suspend(() => (mailbox.done ? mailbox.exit! : Effect.succeed([])))
})

// Answers at once, but after whatever is due.
const settled = <A, E, X>(mailbox: Mailbox<A, E>, answer: () => X): Effect.Effect<X> =>
  Effect.suspend(() => {
    mailbox.flush()
    return Effect.sync(answer)
  })

const count = (n: number): number => (n > 0 ? Math.floor(n) : 0)

/**
 * Takes the element that goes next if there is one, without waiting.
 *
 * @category taking
 * @since 0.1.0
 */
export const poll = <A, E>(self: Dequeue<A, E>): Effect.Effect<Option.Option<A>> => {
  const mailbox = reveal(self)
  return settled(mailbox, () => (mailbox.isEmpty ? Option.none() : Option.some(mailbox.shift())))
}

/**
 * Looks at the element that goes next without taking it, waiting for one if there is none.
 *
 * @category taking
 * @since 0.1.0
 */
export const peek = <A, E>(self: Dequeue<A, E>): Effect.Effect<A, E> => {
  const mailbox = reveal(self)
  return taking(mailbox, 1, () => mailbox.peek() as A)
}

/**
 * Takes all elements without waiting. Fails with the error of the mailbox once that has failed and nothing is left.
 *
 * @category taking
 * @since 0.1.0
 */
export const clear = <A, E>(self: Dequeue<A, E>): Effect.Effect<Array<A>, Pull.ExcludeDone<E>> => {
  const mailbox = reveal(self)
  const cleared = Effect.suspend(() =>
    mailbox.done ? mailbox.exit! : settled(mailbox, () => mailbox.shiftMany(Infinity))
  )
  return Pull.catchDone(cleared, () => Effect.succeed([]))
}

/**
 * Takes everything until the mailbox ends.
 *
 * @category taking
 * @since 0.1.0
 */
export const collect = <A, E>(self: Dequeue<A, E | Cause.Done>): Effect.Effect<Array<A>, Pull.ExcludeDone<E>> =>
  Stream.runCollect(toStream(self, { batchSize: Infinity }))

/**
 * Takes out the waiting elements that the predicate picks, wherever they wait, and answers them, highest lane first. When
 * the predicate throws nothing is taken out; it must not use the mailbox.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.make<number>()
 *   yield* PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")
 *   return yield* PrioritizedMailbox.remove(mailbox, (n) => n === 2)
 * })
 *
 * console.log(await Effect.runPromise(program)) // [ 2 ]
 * ```
 *
 * @category taking
 * @since 0.1.0
 */
export const remove: {
  <A, Lane extends string>(
    predicate: (element: A, lane: Lane) => boolean
  ): <E>(self: Dequeue<A, E, Lane>) => Effect.Effect<Array<A>>
  <A, E, Lane extends string>(
    self: Dequeue<A, E, Lane>,
    predicate: (element: A, lane: Lane) => boolean
  ): Effect.Effect<Array<A>>
} = dual(
  2,
  <A, E, Lane extends string>(
    self: Dequeue<A, E, Lane>,
    predicate: (element: A, lane: Lane) => boolean
  ): Effect.Effect<Array<A>> => Effect.sync(() => removeUnsafe(self, predicate))
)

/**
 * {@link remove} without `Effect`.
 *
 * @category taking
 * @since 0.1.0
 */
export const removeUnsafe = <A, E, Lane extends string>(
  self: Dequeue<A, E, Lane>,
  predicate: (element: A, lane: Lane) => boolean
): Array<A> => reveal(self).remove(predicate as (element: A, lane: string) => boolean, "removed")

/**
 * Takes the element that goes next without `Effect`: its exit, the exit that the mailbox ended with, or undefined where
 * there is nothing now.
 *
 * @category taking
 * @since 0.1.0
 */
export const takeUnsafe = <A, E>(self: Dequeue<A, E>): Exit.Exit<A, E> | undefined => {
  const mailbox = reveal(self)
  if (!mailbox.isEmpty) return Exit.succeed(mailbox.shift())
  return mailbox.done ? mailbox.exit : undefined
}

/**
 * Takes the element that goes next, or undefined where there is nothing, allocating nothing: for hot loops. Where elements
 * may be undefined, ask {@link sizeUnsafe} first.
 *
 * @category taking
 * @since 0.1.0
 */
export const pollUnsafe = <A, E>(self: Dequeue<A, E>): A | undefined => {
  const mailbox = reveal(self)
  return mailbox.isEmpty ? undefined : mailbox.shift()
}

/**
 * The element that goes next, or undefined where there is nothing.
 *
 * @category taking
 * @since 0.1.0
 */
export const peekUnsafe = <A, E>(self: Dequeue<A, E>): A | undefined => reveal(self).peek()

/**
 * The elements as a stream, each taken when the stream is ready for it, so that what is urgent still goes first. With
 * `batchSize` up to so many are taken at a time: faster, but then nothing overtakes the batch, and a stream that is
 * interrupted loses the rest of it.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 * import { Cause, Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const mailbox = yield* PrioritizedMailbox.make<number, Cause.Done>()
 *   yield* PrioritizedMailbox.offerAll(mailbox, [1, 2, 3], "standard")
 *   yield* PrioritizedMailbox.end(mailbox)
 *   return yield* Stream.runCollect(PrioritizedMailbox.toStream(mailbox))
 * })
 *
 * console.log(await Effect.runPromise(program)) // [ 1, 2, 3 ]
 * ```
 *
 * @category taking
 * @since 0.1.0
 */
export const toStream = <A, E>(
  self: Dequeue<A, E>,
  { batchSize = 1 }: { readonly batchSize?: number | undefined } = {}
): Stream.Stream<A, Exclude<E, Cause.Done>> => Stream.fromPull(Effect.succeed(takeUpTo(self, 1, count(batchSize) || 1)))

// -----------------------------------------------------------------------------
// completion
// -----------------------------------------------------------------------------

/**
 * Ends the mailbox: offers answer false from now on, what is inside and what waits to come in is still delivered, then takes
 * fail with `Cause.Done`. Answers whether the mailbox was open.
 *
 * @category completion
 * @since 0.1.0
 */
export const end = <A, E, Lane extends string>(
  self: Enqueue<A, E | Cause.Done, Lane, MailboxFull>
): Effect.Effect<boolean> => failCause(self, done)

const done = Cause.fail(Cause.Done())

/**
 * {@link end} without `Effect`.
 *
 * @category completion
 * @since 0.1.0
 */
export const endUnsafe = <A, E, Lane extends string>(self: Enqueue<A, E | Cause.Done, Lane, MailboxFull>): boolean =>
  failCauseUnsafe(self, done)

/**
 * Ends the mailbox with an error: like {@link end}, but takes fail with that error once nothing is left.
 *
 * @category completion
 * @since 0.1.0
 */
export const fail: {
  <E>(error: E): <A, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>) => Effect.Effect<boolean>
  <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>, error: Types.NoInfer<E>): Effect.Effect<boolean>
} = dual(2, <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>, error: E) =>
  failCause(self, Cause.fail(error))
)

/**
 * Ends the mailbox with a cause: like {@link end}, but takes fail with that cause once nothing is left.
 *
 * @category completion
 * @since 0.1.0
 */
export const failCause: {
  <E>(cause: Cause.Cause<E>): <A, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>) => Effect.Effect<boolean>
  <A, E, Lane extends string>(
    self: Enqueue<A, E, Lane, MailboxFull>,
    cause: Cause.Cause<Types.NoInfer<E>>
  ): Effect.Effect<boolean>
} = dual(2, <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>, cause: Cause.Cause<E>) =>
  Effect.sync(() => failCauseUnsafe(self, cause))
)

/**
 * {@link failCause} without `Effect`.
 *
 * @category completion
 * @since 0.1.0
 */
export const failCauseUnsafe = <A, E, Lane extends string>(
  self: Enqueue<A, E, Lane, MailboxFull>,
  cause: Cause.Cause<Types.NoInfer<E>>
): boolean => reveal(self).complete(Exit.failCause(cause))

/**
 * Ends the mailbox at once: what is inside is discarded and counted as dropped, waiting takes are interrupted, waiting
 * offers answer false. Answers whether there was anything left to end.
 *
 * @category completion
 * @since 0.1.0
 */
export const shutdown = <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>): Effect.Effect<boolean> =>
  Effect.sync(() => shutdownUnsafe(self))

/**
 * {@link shutdown} without `Effect`.
 *
 * @category completion
 * @since 0.1.0
 */
export const shutdownUnsafe = <A, E, Lane extends string>(self: Enqueue<A, E, Lane, MailboxFull>): boolean =>
  reveal(self).shutdown()

const await_ = <A, E>(self: Dequeue<A, E>): Effect.Effect<void, Pull.ExcludeDone<E>> => {
  const mailbox = reveal(self)
  const end = Effect.suspend(() =>
    Effect.andThen(mailbox.wait(mailbox, new Waiter(() => mailbox.done)), () => mailbox.exit!)
  )
  return Pull.catchDone(end, () => Effect.void)
}

export {
  /**
   * Waits until the mailbox has ended and nothing is left in it. Fails with its error, if it ended with one.
   *
   * @category completion
   * @since 0.1.0
   */
  await_ as await
}

// -----------------------------------------------------------------------------
// sizes and counters
// -----------------------------------------------------------------------------

/**
 * How many elements are inside, in one lane or in all.
 *
 * @category sizes
 * @since 0.1.0
 */
export const size: {
  <Lane extends string>(lane: Lane): <A, E>(self: Dequeue<A, E, Lane>) => Effect.Effect<number>
  <A, E, Lane extends string>(self: Dequeue<A, E, Lane>, lane?: Types.NoInfer<Lane>): Effect.Effect<number>
} = dual(
  (args) => isPrioritizedMailbox(args[0]),
  <A, E, Lane extends string>(self: Dequeue<A, E, Lane>, lane?: Lane) =>
    settled(reveal(self), () => sizeUnsafe(self, lane))
)

/**
 * {@link size} without `Effect`.
 *
 * @category sizes
 * @since 0.1.0
 */
export const sizeUnsafe = <A, E, Lane extends string>(
  self: Dequeue<A, E, Lane>,
  lane?: Types.NoInfer<Lane>
): number => {
  const mailbox = reveal(self)
  return lane === undefined ? mailbox.size : (mailbox.find(lane)?.size ?? 0)
}

/**
 * Whether a lane is full, or all are.
 *
 * @category sizes
 * @since 0.1.0
 */
export const isFull: {
  <Lane extends string>(lane: Lane): <A, E>(self: Dequeue<A, E, Lane>) => Effect.Effect<boolean>
  <A, E, Lane extends string>(self: Dequeue<A, E, Lane>, lane?: Types.NoInfer<Lane>): Effect.Effect<boolean>
} = dual(
  (args) => isPrioritizedMailbox(args[0]),
  <A, E, Lane extends string>(self: Dequeue<A, E, Lane>, lane?: Lane) =>
    settled(reveal(self), () => isFullUnsafe(self, lane))
)

/**
 * {@link isFull} without `Effect`.
 *
 * @category sizes
 * @since 0.1.0
 */
export const isFullUnsafe = <A, E, Lane extends string>(
  self: Dequeue<A, E, Lane>,
  lane?: Types.NoInfer<Lane>
): boolean => {
  const mailbox = reveal(self)
  return (lane === undefined ? mailbox.names : [lane]).every((name) => mailbox.find(name)?.isFull === true)
}

/**
 * The counters as they are now.
 *
 * @category sizes
 * @since 0.1.0
 */
export const counters = <A, E, Lane extends string>(self: Dequeue<A, E, Lane>): Effect.Effect<Counters<Lane>> =>
  settled(reveal(self), () => countersUnsafe(self))

/**
 * {@link counters} without `Effect`.
 *
 * @example
 * ```ts
 * import { PrioritizedMailbox } from "@agent-runtime/mailbox"
 *
 * const mailbox = PrioritizedMailbox.makeUnsafe<string>()
 * PrioritizedMailbox.offerUnsafe(mailbox, "job", "standard")
 * console.log(PrioritizedMailbox.countersUnsafe(mailbox).lanes.standard.offered) // 1
 * ```
 *
 * @category sizes
 * @since 0.1.0
 */
export const countersUnsafe = <A, E, Lane extends string>(self: Dequeue<A, E, Lane>): Counters<Lane> =>
  reveal(self).counters()
