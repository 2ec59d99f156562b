import * as Effect from "effect/Effect"
import { Answer } from "./Answer.ts"
import type { Mailbox } from "./Mailbox.ts"

/** A take of `min` to `max` elements, where `remove` says how. */
export class Take<A, E, X> extends Answer<X, E> {
  readonly #mailbox: Mailbox<A, E>
  readonly #remove: (mailbox: Mailbox<A, E>, max: number) => X
  readonly #min: number
  readonly #max: number

  constructor(mailbox: Mailbox<A, E>, remove: (mailbox: Mailbox<A, E>, max: number) => X, min: number, max: number) {
    super()
    this.#mailbox = mailbox
    this.#remove = remove
    this.#min = min
    this.#max = max
  }

  ready(): boolean {
    return this.#mailbox.canTake(this.#min)
  }

  answer(): X {
    return this.#remove(this.#mailbox, this.#max)
  }

  otherwise(): Effect.Effect<X, E> {
    const mailbox = this.#mailbox
    mailbox.flush()
    if (this.ready()) return this
    if (mailbox.done) return mailbox.exit!
    return Effect.andThen(
      mailbox.wait(() => this.ready() || mailbox.done),
      () => this.inOneStep()
    )
  }
}
