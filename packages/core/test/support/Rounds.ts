import { Effect } from "effect"

/** Small and good enough; the same seed gives the same numbers. */
export class Dice {
  private state: number
  constructor(seed: number) {
    this.state = seed >>> 0
  }
  /** A number from 0 to below `sides`. */
  roll(sides: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % sides
  }
  /** Lets others run a random number of times. */
  get yields(): Effect.Effect<void> {
    return Effect.suspend(() => {
      let effect: Effect.Effect<void> = Effect.void
      for (let n = this.roll(4); n > 0; n--) effect = Effect.andThen(effect, Effect.yieldNow)
      return effect
    })
  }
}

const seed = Number(globalThis.process.env.SEED ?? Date.now() % 2 ** 31)
console.log(`SEED=${seed} repeats these rounds`)

/** Runs a race so many times; one that fails names its round. */
export const rounds = <E, R>(
  times: number,
  race: (dice: Dice, round: number) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    const dice = new Dice(seed)
    return Effect.forEach(
      Array.from({ length: times }, (_, round) => round),
      (round) =>
        Effect.tapCause(race(dice, round), () =>
          Effect.sync(() => console.log(`SEED=${seed} failed in round ${round}`))
        ),
      { discard: true }
    )
  })
