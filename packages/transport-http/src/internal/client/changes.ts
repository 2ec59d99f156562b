import { Effect, type Exit, Stream } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
import { silence } from "./eventReader.ts"
import { type Frame, SseParser } from "./sseParser.ts"

/**
 * The values of a stream of `Info` events, until it says that the runtime has ended. A connection that breaks, or whose
 * server goes down, is made anew: the first value of the next is the latest.
 */
export const follow = <A, E extends { readonly _tag: string }>(
  connect: Effect.Effect<Stream.Stream<Uint8Array, unknown>, E>,
  decode: (json: unknown) => Exit.Exit<A, ApiUnavailable>
): Stream.Stream<A, E | ApiUnavailable> =>
  Stream.suspend(() => {
    const parser = new SseParser()
    let ended = false
    const frames = Stream.unwrap(
      Effect.map(connect, (bytes) =>
        bytes.pipe(
          Stream.timeout(silence),
          Stream.decodeText,
          Stream.flatMap((text) => Stream.fromIterable(parser.feed(text))),
          Stream.catch(() => Stream.empty)
        )
      )
    )
    const values = frames.pipe(
      Stream.takeUntil((frame) => {
        // A server that goes down comes back, or another takes its place.
        ended = frame.event === "End" && frame.data !== `{"reason":"shutdown"}`
        return ended
      }),
      Stream.filter((frame) => frame.event === "Info"),
      Stream.mapEffect((frame) => Effect.flatMap(parse(frame), decode))
    )
    const again = Stream.unwrap(Effect.as(Effect.sleep("200 millis"), follow(connect, decode)))
    const more = Stream.suspend(() =>
      // A runtime that is gone has ended meanwhile.
      ended
        ? Stream.empty
        : Stream.catchIf(
            again,
            (error) => error._tag === "AgentRuntimeNotFound",
            () => Stream.empty
          )
    )
    return Stream.concat(values, more)
  })

const parse = ({ data = "" }: Frame): Effect.Effect<unknown, ApiUnavailable> =>
  Effect.try({
    try: (): unknown => JSON.parse(data),
    catch: () => ApiUnavailable.of("The server sent what is no event")
  })
