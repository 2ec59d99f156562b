import * as Effect from "effect/Effect"
import { Answer } from "./Answer.ts"
import type { Lane } from "./Lane.ts"
import type { Mailbox } from "./Mailbox.ts"
import { MailboxFull } from "./MailboxError.ts"
import type { Waiter } from "./Waiter.ts"

/**
 * One run of an offer of several elements, in order. It keeps those that are not accepted yet, and answers with `result` of
 * what is left when all are in, or when offers have ended.
 */
export class OfferInTurn<A, E, X, F extends MailboxFull> extends Answer<X, F> {
  readonly #mailbox: Mailbox<A, E>
  readonly #rest: Array<A>
  readonly #lane: Lane<A>
  readonly #result: (rest: Array<A>) => X
  readonly #waiter: Waiter = { ready: () => this.ready(1), resume: undefined }

  constructor(mailbox: Mailbox<A, E>, elements: Iterable<A>, name: string, result: (rest: Array<A>) => X) {
    super()
    this.#mailbox = mailbox
    this.#rest = [...elements]
    this.#lane = mailbox.lane(mailbox.indexOf(name))
    this.#result = result
  }

  ready(count = this.#rest.length): boolean {
    return this.#closed || this.#room >= count
  }

  answer(): X {
    const closed = this.#closed
    this.#mailbox.leave(this.#lane, this.#waiter)
    if (!closed) this.#admit(this.#rest.length)
    return this.#result(this.#rest)
  }

  otherwise(): Effect.Effect<X, F> {
    const mailbox = this.#mailbox
    const lane = this.#lane
    if (mailbox.strategy === "fail") {
      return Effect.fail(new MailboxFull({ lane: mailbox.names[lane.index]!, capacity: lane.capacity }) as F)
    }
    this.#admit(this.#room)
    return Effect.andThen(mailbox.waitAt(lane, this.#waiter), () => this.inOneStep())
  }

  get #waits(): boolean {
    return this.#lane.offers?.has(this.#waiter) === true
  }

  /** An offer that waits already is accepted even while the mailbox is ending. */
  get #closed(): boolean {
    return this.#waits ? this.#mailbox.done : this.#mailbox.exit !== undefined
  }

  /** None for whoever comes while others wait. */
  get #room(): number {
    return this.#waits || this.#lane.offers === undefined ? this.#lane.capacity - this.#lane.size : 0
  }

  #admit(count: number): void {
    for (const element of this.#rest.splice(0, count)) this.#mailbox.push(this.#lane, element)
  }
}
