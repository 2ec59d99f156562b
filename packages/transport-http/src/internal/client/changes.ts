import { Effect, type Exit, Schedule, Stream } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
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
    let connected = false
    const frames = Stream.unwrap(
      Effect.map(connect, (bytes) => {
        connected = true
        const parser = new SseParser()
        return bytes.pipe(
          Stream.decodeText,
          Stream.flatMap((text) => Stream.fromIterable(parser.feed(text))),
          Stream.catch(() => Stream.empty)
        )
      })
    )
    return frames.pipe(
      // A runtime that is gone has ended meanwhile.
      Stream.catchIf(
        (error) => connected && error._tag === "AgentRuntimeNotFound",
        () => Stream.succeed<Frame>({ event: "End" })
      ),
      Stream.repeat(Schedule.spaced("200 millis")),
      // A server that goes down comes back, or another takes its place.
      Stream.takeUntil(({ data, event }) => event === "End" && data !== `{"reason":"shutdown"}`),
      Stream.filter(({ event }) => event === "Info"),
      Stream.mapEffect((frame) => Effect.flatMap(parse(frame), decode))
    )
  })

const parse = ({ data = "" }: Frame): Effect.Effect<unknown, ApiUnavailable> =>
  Effect.try({
    try: (): unknown => JSON.parse(data),
    catch: () => ApiUnavailable.of("The server sent what is no event")
  })
