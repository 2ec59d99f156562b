import { Effect, type Exit, Stream } from "effect"
import type { ApiUnavailable } from "../../ApiError.ts"
import { silence } from "./eventReader.ts"
import { SseParser } from "./sseParser.ts"

/**
 * The values of a stream of `Info` events, until it says that it has ended. A connection that breaks is made anew: the
 * first value of the next is the latest.
 */
export const follow = <A, E>(
  connect: Effect.Effect<Stream.Stream<Uint8Array, unknown>, E>,
  decode: (json: unknown) => Exit.Exit<A, ApiUnavailable>
): Stream.Stream<A, E | ApiUnavailable> =>
  Stream.suspend(() => {
    const parser = new SseParser()
    let ended = false
    const frames = Stream.unwrap(
      Effect.map(connect, (bytes) =>
        bytes.pipe(
          Stream.timeoutOrElse({ duration: silence, orElse: () => Stream.empty }),
          Stream.decodeText,
          Stream.flatMap((text) => Stream.fromIterable(parser.feed(text))),
          Stream.catch(() => Stream.empty)
        )
      )
    )
    const values = frames.pipe(
      Stream.takeUntil((frame) => {
        ended = frame.event === "End"
        return ended
      }),
      Stream.filter((frame) => frame.event === "Info" && frame.data !== undefined),
      Stream.mapEffect((frame) => decode(JSON.parse(frame.data ?? "null")))
    )
    const more = Stream.suspend(() =>
      ended ? Stream.empty : Stream.unwrap(Effect.as(Effect.sleep("200 millis"), follow(connect, decode)))
    )
    return Stream.concat(values, more)
  })
