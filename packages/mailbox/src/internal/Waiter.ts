import type { Effect } from "effect/Effect"

/** A suspended fiber. It is woken with nothing, to try again, so that waking one too many does no harm. */
export interface Waiter {
  /** Whether trying again would lead anywhere now. */
  readonly ready: () => boolean
  /** Absent while it tries again. */
  resume?: ((effect: Effect<void>) => void) | undefined
}

/** Where fibers wait, in the order in which they came. */
export interface Waiters {
  waiters: Set<Waiter> | undefined
}
