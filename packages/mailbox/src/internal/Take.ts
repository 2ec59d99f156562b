import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Fiber } from "effect/Fiber"
import { Answer } from "./Answer.ts"
import type { Mailbox } from "./Mailbox.ts"
import { Waiter, type Waiters } from "./Waiters.ts"

/** A take of `min` to `max` elements, where `remove` says how. */
export class Take<A, E, X> extends Answer<X, E> {
  private readonly mailbox: Mailbox<A, E>
  private readonly remove: (mailbox: Mailbox<A, E>, max: number) => X
  private readonly min: number
  private readonly max: number

  constructor(mailbox: Mailbox<A, E>, remove: (mailbox: Mailbox<A, E>, max: number) => X, min: number, max: number) {
    super()
    this.mailbox = mailbox
    this.remove = remove
    this.min = min
    this.max = max
  }

  ready(): boolean {
    return this.mailbox.canTake(this.min)
  }

  answer(): X {
    return this.remove(this.mailbox, this.max)
  }

  otherwise(fiber: Fiber<unknown, unknown>): Effect.Effect<X, E> {
    const { mailbox, min } = this
    mailbox.flush()
    if (this.ready()) return this
    if (mailbox.done) return mailbox.exit!
    mailbox.expect(fiber)
    return Effect.andThen(
      waitIn(mailbox.takers, min, () => this.ready() || mailbox.done),
      this
    )
  }
}

/** Waits for the end of the mailbox, and answers with it. */
export const awaitEnd = <A, E>(mailbox: Mailbox<A, E>): Effect.Effect<never, E> =>
  Effect.withFiber((fiber) => {
    if (mailbox.done) return mailbox.exit!
    mailbox.expect(fiber)
    return Effect.andThen(
      waitIn(mailbox.awaiters, 0, () => mailbox.done),
      awaitEnd(mailbox)
    )
  })

const waitIn = (waiters: Waiters, min: number, ready: () => boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (ready()) return resume(Exit.void)
    const waiter = new Waiter(resume, min, 0)
    waiters.add(waiter)
    return Effect.sync(() => waiters.remove(waiter))
  })
