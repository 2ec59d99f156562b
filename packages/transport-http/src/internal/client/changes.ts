import { type Effect, type Exit, Stream } from "effect"
import type { ApiUnavailable } from "../../ApiError.ts"
import { reading } from "./eventReader.ts"
import { reconnect } from "./requester.ts"
import type { Frame } from "./sseParser.ts"

/**
 * The values of a stream of `Info` events, until it says that the runtime has ended. A connection that breaks, or whose
 * server goes down, is made anew: the first value of the next is the latest. Only the first value must come in `patience`.
 */
export const follow = <A, E extends { readonly _tag: string }>(
  connect: Effect.Effect<Stream.Stream<ReadonlyArray<Frame>, ApiUnavailable>, E>,
  decode: (json: unknown) => Exit.Exit<A, ApiUnavailable>,
  patience: number
): Stream.Stream<A, E | ApiUnavailable> =>
  Stream.suspend(() => {
    let isFound = false
    return reconnect(Stream.unwrap(connect), () => isFound, patience).pipe(
      // A runtime that is gone has ended meanwhile.
      Stream.catchIf(
        (error) => isFound && error._tag === "AgentRuntimeNotFound",
        () => Stream.empty
      ),
      Stream.flattenIterable,
      // A server that goes down comes back, or another takes its place.
      Stream.takeWhile(({ data, event }) => event !== "End" || data === `{"reason":"shutdown"}`),
      Stream.filter(({ event }) => event === "Info"),
      Stream.mapEffect(({ data = "" }) =>
        reading(() => {
          isFound = true
          return decode(JSON.parse(data))
        })
      )
    )
  })
