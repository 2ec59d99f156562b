import * as Effect from "effect/Effect"
import { Answer } from "./Answer.ts"
import type { Mailbox } from "./Mailbox.ts"
import { MailboxFull } from "./MailboxError.ts"
import { Waiter } from "./Waiter.ts"

/** An offer of one element; answers whether it was accepted. */
export const offering = <A, E, F extends MailboxFull>(mailbox: Mailbox<A, E>, element: A, name: string) =>
  new Answer<boolean, F>(
    () => mailbox.exit !== undefined || mailbox.lossy || mailbox.room(mailbox.lane(name)) > 0,
    () => mailbox.accept(element, name),
    () => offeringInTurn(mailbox, [element], name, (rest) => rest.length === 0)
  )

/**
 * One run of an offer of several elements, in order. It keeps those that are not accepted yet, and answers with `result` of
 * what is left when all are in, or when offers have ended.
 */
export const offeringInTurn = <A, E, X, F extends MailboxFull>(
  mailbox: Mailbox<A, E>,
  elements: Iterable<A>,
  name: string,
  result: (rest: Array<A>) => X
): Effect.Effect<X, F> => {
  const lane = mailbox.lane(name)
  let rest = [...elements]
  // An offer that waits already is accepted even while the mailbox is ending.
  const closed = (): boolean => (waiter.waits ? mailbox.isShut : mailbox.exit !== undefined)
  const room = (): number => (mailbox.lossy ? Infinity : waiter.waits ? lane.capacity - lane.size : mailbox.room(lane))
  const admit = (count: number): void => {
    rest = rest.filter((element, index) => index >= count || !mailbox.put(lane, element))
  }
  const waiter = new Waiter(() => closed() || room() > 0)
  return new Answer<X, F>(
    () => closed() || room() >= rest.length,
    () => {
      const refused = closed()
      mailbox.leave(waiter)
      if (!refused) admit(rest.length)
      return result(rest)
    },
    (self) => {
      if (mailbox.strategy === "fail") {
        return Effect.fail(new MailboxFull({ lane: name, capacity: lane.capacity }) as F)
      }
      admit(room())
      return Effect.andThen(mailbox.wait(lane, waiter), () => self.inOneStep())
    }
  )
}
