import { Cause, Data, Effect, Equal, Result } from "effect"

/**
 * A placement does not keep a rule.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceFailure extends Data.TaggedError("ConformanceFailure")<{
  readonly message: string
  readonly actual: unknown
  readonly expected: unknown
}> {}

const show = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

const differs = (what: string, actual: unknown, expected: unknown) =>
  new ConformanceFailure({ message: `${what}: got ${show(actual)}, wanted ${show(expected)}`, actual, expected })

/** Fails unless both are the same by structure. */
export const same = <A>(what: string, actual: A, expected: A): Effect.Effect<void, ConformanceFailure> =>
  Equal.equals(actual, expected) ? Effect.void : Effect.fail(differs(what, actual, expected))

/** Fails unless the effect fails with an error of this tag; answers the error. */
export const fails = <A, E, R>(
  what: string,
  effect: Effect.Effect<A, E, R>,
  tag: string
): Effect.Effect<{ readonly [key: string]: unknown }, ConformanceFailure, R> =>
  Effect.matchCauseEffect(effect, {
    onSuccess: (value) => Effect.fail(differs(what, value, `a failure ${tag}`)),
    onFailure: (cause) => {
      const found = Cause.findError(cause)
      const error: unknown = Result.isSuccess(found) ? found.success : Cause.squash(cause)
      return isRecord(error) && error._tag === tag
        ? Effect.succeed(error)
        : Effect.fail(differs(what, isRecord(error) ? (error._tag ?? String(error)) : error, `a failure ${tag}`))
    }
  })

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null
