import { Effect } from "effect"

/**
 * Runs an effect as a user without privileges. The superuser may read everything, so a test of permissions has to be somebody
 * else for a while.
 */
export const unprivileged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.geteuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid!(65534)),
        () => effect,
        () => Effect.sync(() => process.seteuid!(0))
      )
    : effect
