import * as Effect from "effect/Effect"
import { Answer } from "./Answer.ts"
import type { Mailbox } from "./Mailbox.ts"
import { Waiter } from "./Waiter.ts"

/** A take of at least `min` elements, which `remove` removes. */
export const taking = <A, E, X>(mailbox: Mailbox<A, E>, min: number, remove: () => X): Effect.Effect<X, E> => {
  const ready = (): boolean => mailbox.canTake(min)
  return new Answer<X, E>(ready, remove, (self) => {
    mailbox.flush()
    if (ready()) return self
    if (mailbox.done) return mailbox.exit!
    const waiter = new Waiter(() => ready() || mailbox.done)
    return Effect.andThen(mailbox.wait(mailbox, waiter), () => self.inOneStep())
  })
}
