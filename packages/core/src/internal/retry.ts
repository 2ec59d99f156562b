import { Cause, Duration, Effect, Exit, Schedule } from "effect"

/** Answers the delay before the next attempt in milliseconds, or `undefined` when the schedule is used up. */
export type RetryStep = (now: number, error: unknown) => Effect.Effect<number | undefined>

/** The steps of a retry schedule for one activity, after those that were `taken` before its process ended. */
export const retryStep = (schedule: Schedule.Schedule<unknown, unknown>, taken: number): RetryStep => {
  let step: ReturnType<typeof start> | undefined
  const start = () => Effect.runSync(Schedule.toStep(schedule))
  return (now, error) =>
    Effect.suspend(() => {
      if (step !== undefined) return step(now, error)
      const first = (step = start())(now, error)
      return taken === 0 ? first : Effect.andThen(Effect.replicateEffect(first, taken, { discard: true }), first)
    }).pipe(
      Effect.map(([, delay]) => Duration.toMillis(delay)),
      Effect.catchCause((cause) => (Cause.hasDies(cause) ? Exit.failCause(cause as Cause.Cause<never>) : Exit.void)),
      Effect.map((delay) => (typeof delay === "number" ? delay : undefined))
    )
}
