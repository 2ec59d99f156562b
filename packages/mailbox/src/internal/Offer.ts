import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Fiber } from "effect/Fiber"
import { Answer } from "./Answer.ts"
import type { Lane } from "./Lane.ts"
import { type Mailbox, refused } from "./Mailbox.ts"
import { MailboxFull } from "./MailboxError.ts"
import { Waiter } from "./Waiters.ts"

/** An offer of one element; answers whether it was accepted. */
export class Offer<A, E, F extends MailboxFull> extends Answer<boolean, F> {
  private readonly mailbox: Mailbox<A, E>
  private readonly element: A
  private readonly name: string

  constructor(mailbox: Mailbox<A, E>, element: A, name: string) {
    super()
    this.mailbox = mailbox
    this.element = element
    this.name = name
  }

  ready(): boolean {
    const { mailbox } = this
    return mailbox.accepts(mailbox.indexOf(this.name), 1)
  }

  answer(): boolean {
    const { element, mailbox } = this
    return mailbox.accept(element, mailbox.indexOf(this.name)) !== refused
  }

  otherwise(): Effect.Effect<boolean, F> {
    return overflow(this.mailbox, [this.element], this.name, (rest) => rest.length === 0)
  }
}

/** An offer of several elements in order; answers those that were not accepted. */
export class OfferAll<A, E, F extends MailboxFull> extends Answer<Array<A>, F> {
  private readonly mailbox: Mailbox<A, E>
  private readonly elements: ReadonlyArray<A>
  private readonly name: string

  constructor(mailbox: Mailbox<A, E>, elements: ReadonlyArray<A>, name: string) {
    super()
    this.mailbox = mailbox
    this.elements = elements
    this.name = name
  }

  ready(): boolean {
    const { mailbox } = this
    return mailbox.accepts(mailbox.indexOf(this.name), this.elements.length)
  }

  answer(): Array<A> {
    const { elements, mailbox } = this
    return mailbox.acceptAll(elements, mailbox.indexOf(this.name))
  }

  otherwise(): Effect.Effect<Array<A>, F> {
    return overflow(this.mailbox, this.elements, this.name, (rest) => rest)
  }
}

const overflow = <A, E, X, F extends MailboxFull>(
  mailbox: Mailbox<A, E>,
  elements: ReadonlyArray<A>,
  name: string,
  result: (rest: Array<A>) => X
): Effect.Effect<X, F> => {
  const lane = mailbox.lane(mailbox.indexOf(name))
  return mailbox.strategy === "fail"
    ? Effect.fail(new MailboxFull({ lane: name, capacity: lane.capacity }) as F)
    : new OfferInTurn(mailbox, elements, lane, result)
}

let tickets = 0

/** An offer under way that waits at a full lane, in turn. `result` is given what was not accepted before offers ended. */
class OfferInTurn<A, E, X> extends Answer<X> {
  private readonly mailbox: Mailbox<A, E>
  private readonly elements: ReadonlyArray<A>
  private readonly lane: Lane<A>
  private readonly result: (rest: Array<A>) => X
  private readonly ticket = ++tickets
  private offset = 0
  private waiter: Waiter | undefined = undefined

  constructor(mailbox: Mailbox<A, E>, elements: ReadonlyArray<A>, lane: Lane<A>, result: (rest: Array<A>) => X) {
    super()
    this.mailbox = mailbox
    this.elements = elements
    this.lane = lane
    this.result = result
  }

  ready(): boolean {
    return this.closed || this.room >= this.elements.length - this.offset
  }

  answer(): X {
    if (!this.closed) this.admit(this.elements.length)
    return this.result(this.elements.slice(this.offset))
  }

  otherwise(fiber: Fiber<unknown, unknown>): Effect.Effect<X> {
    this.admit(this.offset + this.room)
    const { lane, mailbox } = this
    mailbox.expect(fiber)
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        if (this.closed || this.room > 0) return resume(Exit.void)
        const waiter = (this.waiter = new Waiter(resume, 0, this.ticket))
        mailbox.waitAt(lane, waiter)
        return Effect.sync(() => mailbox.leave(lane, waiter))
      }),
      this
    )
  }

  /** An offer that waits already is accepted even if the mailbox is ending. */
  private get closed(): boolean {
    return this.waiter === undefined ? this.mailbox.exit !== undefined : this.mailbox.done
  }

  private get room(): number {
    return this.mailbox.room(this.lane, this.waiter !== undefined)
  }

  private admit(end: number): void {
    if (this.waiter !== undefined && end > this.offset) this.mailbox.leave(this.lane, this.waiter)
    while (this.offset < end) this.mailbox.admit(this.lane, this.elements[this.offset++]!)
  }
}
