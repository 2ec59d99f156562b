// Writes that arrive while one commit waits for the disk share the next one. Nothing waits on purpose: the first write commits
// at once, and the busier the disk, the larger the groups become.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"

interface Waiting<W, A, E> {
  readonly write: W
  readonly resume: (outcome: Exit.Exit<A, E>) => void
}

export interface GroupCommit<W, A, E> {
  /** Interrupting the wait does not take the write back: it may be committed. */
  readonly write: (write: W) => Effect.Effect<A, E>
  /** Gives this outcome to what waits for its group; the group being committed is not concerned. */
  readonly refuse: (outcome: Exit.Exit<A, E>) => void
}

/**
 * `commit` gets the writes in the order in which they were handed over, one group at a time, and answers an outcome for each.
 * Outcomes are given out in that order. When the scope closes, what was handed over is committed first.
 */
export const make = Effect.fnUntraced(function* <W, A, E>(options: {
  readonly commit: (group: ReadonlyArray<W>) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>>
  readonly maxGroup: number
}): Effect.fn.Return<GroupCommit<W, A, E>, never, Scope.Scope> {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const idle = Latch.makeUnsafe(true)
  let waiting: Array<Waiting<W, A, E>> = []
  let committing = false

  const drain = Effect.gen(function* () {
    while (waiting.length > 0) {
      const group = waiting.slice(0, options.maxGroup)
      waiting = waiting.slice(options.maxGroup)
      const outcomes = yield* Effect.exit(options.commit(group.map((one) => one.write)))
      for (let i = 0; i < group.length; i++) {
        group[i]!.resume(Exit.isSuccess(outcomes) ? outcomes.value[i]! : Exit.failCause(outcomes.cause))
      }
    }
    committing = false
    idle.openUnsafe()
  }).pipe(Effect.uninterruptible)

  yield* Effect.addFinalizer(() => idle.await)

  return {
    write: (write) =>
      Effect.callback<A, E>((resume) => {
        waiting.push({ write, resume })
        if (committing) return
        committing = true
        idle.closeUnsafe()
        // Starts with the next turn of the scheduler, so that all who write in this turn share the first commit.
        run(drain)
      }),
    refuse: (outcome) => {
      const refused = waiting
      waiting = []
      for (const { resume } of refused) resume(outcome)
    }
  }
})
