// Operations that arrive while one commit waits for the disk share the next one. Nothing waits on purpose: the first commits at
// once, and the busier the disk, the larger the groups become.
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

/** Puts an operation into a batch; what it answers is asked once the batch has been committed. */
export type Operation<B, A, E> = (batch: B) => () => Exit.Exit<A, E>

/** An operation and whoever waits for it. */
export interface Step<B, X> {
  /** Puts the operation into a batch; answers how to give out its outcome. */
  readonly add: (batch: B) => () => void
  readonly fail: (cause: Cause.Cause<X>) => void
}

/** What has been submitted since the part before. */
export interface Part<B, X> {
  readonly steps: ReadonlyArray<Step<B, X>>
  readonly isLast: boolean
}

export interface GroupCommit<B, X> {
  /** Interrupting the wait does not take the operation back: it may be committed. */
  readonly submit: <A, E>(operation: Operation<B, A, E>) => Effect.Effect<A, E | X>
  /** Answers once all of them have an outcome. */
  readonly submitAll: <A, E>(
    operations: ReadonlyArray<Operation<B, A, E>>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E | X>>>
  /** Fails what waits for its group; the group being committed is not concerned. */
  readonly refuse: (cause: Cause.Cause<X>) => void
}

/**
 * `commit` gets a group of operations, in the order in which they were submitted: part by part, as it asks for them, up to the
 * last. It answers for each how to give out its outcome; outcomes are given out in that order, while the next group comes in.
 * When the scope closes, what was submitted is committed first.
 */
export const make = Effect.fnUntraced(function* <B, X>(options: {
  readonly commit: (next: Effect.Effect<Part<B, X>>) => Effect.Effect<ReadonlyArray<() => void>>
  readonly maxGroup: number
  /** So many are answered at a time: what these submit then is a part of the next group while others are answered. */
  readonly maxPart: number
}): Effect.fn.Return<GroupCommit<B, X>, never, Scope.Scope> {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const idle = Latch.makeUnsafe(true)
  let waiting: Array<Step<B, X>> = []
  let outcomes: ReadonlyArray<() => void> = []
  let room = 0
  let committing = false

  const next = Effect.gen(function* () {
    const giving = outcomes.slice(0, options.maxPart)
    outcomes = outcomes.slice(options.maxPart)
    for (const giveOut of giving) giveOut()
    // Who submits in this turn of the scheduler, or has just been answered and has the next one at hand, shares the commit.
    yield* Effect.yieldNow
    const steps = waiting.splice(0, Math.min(room, options.maxPart))
    room -= steps.length
    return { steps, isLast: (outcomes.length === 0 && waiting.length === 0) || room === 0 }
  })

  const drain = Effect.gen(function* () {
    while (waiting.length > 0 || outcomes.length > 0) {
      room = options.maxGroup
      const committed = yield* options.commit(next)
      outcomes = outcomes.concat(committed)
    }
    committing = false
    idle.openUnsafe()
  }).pipe(Effect.uninterruptible)

  yield* Effect.addFinalizer(() => idle.await)

  const add = <A, E>(operation: Operation<B, A, E>, settle: (outcome: Exit.Exit<A, E | X>) => void) => {
    waiting.push({
      add: (batch) => {
        const outcome = operation(batch)
        return () => settle(outcome())
      },
      fail: (cause) => settle(Exit.failCause(cause))
    })
  }
  const start = () => {
    if (committing) return
    committing = true
    idle.closeUnsafe()
    run(drain)
  }

  return {
    submit: (operation) =>
      Effect.callback((resume) => {
        add(operation, resume)
        start()
      }),
    submitAll: <A, E>(operations: ReadonlyArray<Operation<B, A, E>>) =>
      Effect.callback<ReadonlyArray<Exit.Exit<A, E | X>>>((resume) => {
        const outcomes: Array<Exit.Exit<A, E | X>> = []
        let missing = operations.length
        if (missing === 0) return resume(Exit.succeed(outcomes))
        operations.forEach((operation, i) =>
          add(operation, (outcome) => {
            outcomes[i] = outcome
            if (--missing === 0) resume(Exit.succeed(outcomes))
          })
        )
        start()
      }),
    refuse: (cause) => {
      const refused = waiting
      waiting = []
      for (const { fail } of refused) fail(cause)
    }
  }
})
