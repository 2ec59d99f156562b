import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MailboxFull } from "./MailboxError.ts"
import type { Lane } from "./Lane.ts"
import { type Mailbox, refused } from "./Mailbox.ts"
import { Waiter, type Waiters } from "./Waiters.ts"

/*
 * The scheduler may yield between any two steps of a fiber, and the fiber may be interrupted there. So elements are
 * removed and accepted in the very step that answers, which is an `Effect.sync` with nothing around it that runs on
 * success, and a fiber that has to wait is woken with nothing and tries again.
 */

// Thrown by a step that found itself unable to answer: another fiber was faster. Thrown, since only the failure channel
// can be handled without a step after success.
const missed = { _tag: "Missed" }

/** Answers with what `answer` gives, in the step that calls it, if `ready` still holds in that step, else goes on with `retry`. */
const inOneStep = <X, E>(ready: () => boolean, answer: () => X, retry: () => Effect.Effect<X, E>) =>
  Effect.catchCause(
    Effect.sync(() => {
      if (!ready()) throw missed
      return answer()
    }),
    (cause) =>
      cause.reasons.some((reason) => Cause.isDieReason(reason) && reason.defect === missed)
        ? retry()
        : Effect.failCause(cause)
  )

const waiting = (waiters: Waiters, ready: () => boolean, min: number): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (ready()) return resume(Exit.void)
    const waiter = new Waiter(resume, min, 0)
    waiters.add(waiter)
    return Effect.sync(() => waiters.remove(waiter))
  })

/** A take of at least `min` elements, where `answer` takes them. */
export const removing = <A, E, X>(self: Mailbox<A, E>, min: number, answer: () => X): Effect.Effect<X, E> => {
  const ready = () => self.canTake(min)
  const attempt: Effect.Effect<X, E> = Effect.withFiber((fiber) => {
    if (ready()) return step
    self.flush()
    if (ready()) return step
    if (self.done) return self.exit!
    self.dispatcher = fiber.currentDispatcher
    return wait
  })
  const retry = () => attempt
  const step = inOneStep(ready, answer, retry)
  const wait = Effect.flatMap(
    waiting(self.takers, () => ready() || self.done, min),
    retry
  )
  return attempt
}

/** Answers at once, after what is scheduled is done. */
export const flushed = <A, E, X>(self: Mailbox<A, E>, answer: () => X): Effect.Effect<X> => {
  const step = Effect.sync(answer)
  return Effect.suspend(() => {
    self.flush()
    return step
  })
}

/** Waits for the end, and answers with it. */
export const ended = <A, E>(self: Mailbox<A, E>): Effect.Effect<never, E> => {
  const attempt: Effect.Effect<never, E> = Effect.withFiber((fiber) => {
    if (self.done) return self.exit!
    self.dispatcher = fiber.currentDispatcher
    return Effect.flatMap(
      waiting(self.awaiters, () => self.done, 0),
      () => attempt
    )
  })
  return attempt
}

let tickets = 0

/** Offers that wait for their turn at a full lane. `answer` is given those that were not accepted before offers ended. */
const waitingInTurn = <A, E, X>(
  self: Mailbox<A, E>,
  elements: ReadonlyArray<A>,
  lane: Lane<A>,
  answer: (rest: Array<A>) => X
): Effect.Effect<X> => {
  const ticket = ++tickets
  let turn: Waiter | undefined = undefined
  let offset = 0
  const closed = () => (turn === undefined ? self.exit !== undefined : self.done)
  const room = () => self.room(lane, turn !== undefined)
  const admit = (end: number) => {
    if (turn !== undefined) self.leave(lane, turn)
    while (offset < end) self.admit(lane, elements[offset++]!)
  }
  const attempt: Effect.Effect<X> = Effect.withFiber((fiber) => {
    if (ready()) return step
    self.dispatcher = fiber.currentDispatcher
    const free = room()
    if (free > 0) admit(offset + free)
    return wait
  })
  const retry = () => attempt
  const ready = () => closed() || room() >= elements.length - offset
  const step = inOneStep(
    ready,
    () => {
      if (!closed()) admit(elements.length)
      return answer(elements.slice(offset))
    },
    retry
  )
  const wait = Effect.flatMap(
    Effect.callback<void>((resume) => {
      if (closed() || room() > 0) return resume(Exit.void)
      const waiter = new Waiter(resume, 0, ticket)
      turn = waiter
      self.waitAt(lane, waiter)
      return Effect.sync(() => self.leave(lane, waiter))
    }),
    retry
  )
  return attempt
}

/** What an offer of `count` elements does when they do not fit. */
const overflowing = <A, E, X>(
  self: Mailbox<A, E>,
  elements: ReadonlyArray<A>,
  lane: Lane<A>,
  answer: (rest: Array<A>) => X
): Effect.Effect<X, MailboxFull> =>
  self.strategy === "fail"
    ? Effect.fail(new MailboxFull({ lane: self.names[lane.index]!, capacity: lane.capacity }))
    : Effect.suspend(() => waitingInTurn(self, elements, lane, answer))

const neverWaits = <A, E>(self: Mailbox<A, E>): boolean =>
  self.capacities === Infinity || self.strategy === "sliding" || self.strategy === "dropping"

/** An offer of one element; answers whether it was accepted. */
export const offering = <A, E>(self: Mailbox<A, E>, element: A, name: string): Effect.Effect<boolean, MailboxFull> =>
  neverWaits(self)
    ? Effect.sync(() => self.accept(element, self.indexOf(name)) !== refused)
    : Effect.suspend(() => {
        const lane = self.lane(self.indexOf(name))
        const ready = () => self.exit !== undefined || self.room(lane, false) > 0
        const overflow = () => overflowing(self, [element], lane, (rest) => rest.length === 0)
        return ready() ? inOneStep(ready, () => self.accept(element, lane.index) !== refused, overflow) : overflow()
      })

/** An offer of several elements, in order; answers those that were not accepted. */
export const offeringAll = <A, E>(
  self: Mailbox<A, E>,
  elements: Iterable<A>,
  name: string
): Effect.Effect<Array<A>, MailboxFull> =>
  neverWaits(self)
    ? Effect.sync(() => self.acceptAll(elements, self.indexOf(name)))
    : Effect.suspend(() => {
        const lane = self.lane(self.indexOf(name))
        const all = Array.from(elements)
        const ready = () => self.exit !== undefined || self.room(lane, false) >= all.length
        const overflow = () => overflowing(self, all, lane, (rest) => rest)
        return ready() ? inOneStep(ready, () => self.acceptAll(all, lane.index), overflow) : overflow()
      })
