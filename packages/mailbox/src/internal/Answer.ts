import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"

/**
 * An effect that removes or accepts elements in the very step that answers.
 *
 * The scheduler may yield between any two steps of a fiber, and there the fiber may be interrupted: an element that was
 * removed in one step to be answered in the next would be lost, and one that was accepted so would be in the mailbox
 * although its offer was interrupted. So nothing comes between, and a fiber that has to wait is woken with nothing and
 * tries again.
 */
export class Answer<X, E = never> extends Effectable.Class<X, E> {
  readonly #ready: () => boolean
  readonly #answer: () => X
  readonly #otherwise: (self: Answer<X, E>) => Effect.Effect<X, E>

  /**
   * `ready` is whether `answer` may be called now. `answer` runs no foreign code: that could interrupt the fiber which is
   * about to answer. `otherwise` is how to go on where it is not ready.
   */
  constructor(ready: () => boolean, answer: () => X, otherwise: (self: Answer<X, E>) => Effect.Effect<X, E>) {
    super()
    this.#ready = ready
    this.#answer = answer
    this.#otherwise = otherwise
  }

  override asEffect(): Effect.Effect<X, E> {
    return this.#ready() ? this.inOneStep() : this.#otherwise(this)
  }

  /** In a generator `yield*` can be answered right here, without a step of the fiber. */
  override [Symbol.iterator](): Effect.EffectIterator<Effect.Effect<X, E>> {
    // Yet a fiber that always finds what it asks for must leave room for others.
    if ((++answers & 1023) === 0) return Effect.andThen(Effect.yieldNow, this)[Symbol.iterator]()
    return this.#ready() ? new Answered(this.#answer()) : super[Symbol.iterator]()
  }

  /** Answers if it is ready in the step that would answer, or else begins anew. */
  inOneStep(): Effect.Effect<X, E> {
    // Another fiber may be faster if the scheduler yields before this step. That is thrown, since only the failure channel
    // can be handled without a further step on success.
    const step = Effect.sync(() => {
      if (!this.#ready()) throw missed
      return this.#answer()
    })
    return Effect.catchDefect(step, (defect) => (defect === missed ? this : Effect.die(defect)))
  }
}

const missed = {}

let answers = 0

class Answered<X> {
  readonly value: X
  readonly done = true

  constructor(value: X) {
    this.value = value
  }

  next(): this {
    return this
  }
}
