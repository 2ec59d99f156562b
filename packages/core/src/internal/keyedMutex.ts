import { Deferred, Effect, Exit } from "effect"

/** Runs effects of one key one at a time; those of different keys at a time. */
export class KeyedMutex {
  private readonly held = new Map<string, Deferred.Deferred<void>>()

  /** The number of keys for which something runs. */
  get size(): number {
    return this.held.size
  }

  /** Once begun, `next` cannot be interrupted: others wait for its end, and who asked first may go away. */
  run<A, E>(key: string, next: () => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) => {
      const other = this.held.get(key)
      if (other !== undefined) return restore(Effect.flatMap(Deferred.await(other), () => this.run(key, next)))
      const done = Deferred.makeUnsafe<void>()
      this.held.set(key, done)
      return Effect.ensuring(
        Effect.suspend(next),
        Effect.sync(() => {
          this.held.delete(key)
          Deferred.doneUnsafe(done, Exit.void)
        })
      )
    })
  }
}
