import type * as Effect from "effect/Effect"
import { Answer } from "./Answer.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { MailboxFull } from "./MailboxError.ts"
import { OfferInTurn } from "./OfferInTurn.ts"

/** An offer of one element; answers whether it was accepted. */
export class Offer<A, E, F extends MailboxFull> extends Answer<boolean, F> {
  readonly #mailbox: Mailbox<A, E>
  readonly #element: A
  readonly #name: string

  constructor(mailbox: Mailbox<A, E>, element: A, name: string) {
    super()
    this.#mailbox = mailbox
    this.#element = element
    this.#name = name
  }

  ready(): boolean {
    const mailbox = this.#mailbox
    const lane = mailbox.lane(mailbox.indexOf(this.#name))
    return (lane.size < lane.capacity && lane.offers === undefined) || mailbox.exit !== undefined || mailbox.lossy
  }

  answer(): boolean {
    const mailbox = this.#mailbox
    return mailbox.accept(this.#element, mailbox.indexOf(this.#name))
  }

  otherwise(): Effect.Effect<boolean, F> {
    return new OfferInTurn(this.#mailbox, [this.#element], this.#name, (rest) => rest.length === 0)
  }
}
