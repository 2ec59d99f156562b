import { type Agent, AgentError, type AgentEvent } from "@agent-runtime/schema"
import type { Subscription } from "@agent-runtime/core"
import { Deferred, Effect, Exit, Random, Result, Stream } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
import type { EventQueue } from "./eventQueue.ts"
import type { Failure } from "./failure.ts"
import type { Requester } from "./requester.ts"
import { type Frame, SseParser } from "./sseParser.ts"
import { eventDecoder } from "./wire.ts"

type Event = AgentEvent.AgentEvent

/** What a reader is after, as far as the server can judge it. */
export interface Wanted {
  readonly path: string
  readonly epoch: number | undefined
  readonly options: Subscription.SubscriptionOptions
  /** As the server reads it. */
  readonly from: string
}

/**
 * Follows the events of a runtime over as many connections as it takes. Each goes on after the last event that has
 * arrived, so that breaks lose and double nothing.
 */
export class EventReader {
  private readonly requester: Requester
  private readonly wanted: Wanted
  private readonly queue: EventQueue
  private readonly decode: (json: unknown) => Result.Result<Event, unknown>
  private cursor: string | undefined = undefined
  /** What was emitted last: a new connection tells it again from its start. */
  private emitted: AgentEvent.Emitted | undefined = undefined
  /** The newest sequence when a connection was made that began behind it. */
  private head = 0
  /** Until the first event after that: what is told before is read no faster than it is taken. */
  private isCatchingUp = false
  /** Connections in a row that brought nothing. */
  private failures = 0
  private ended = false

  constructor(requester: Requester, agent: Agent.Any, wanted: Wanted, queue: EventQueue) {
    this.requester = requester
    this.wanted = wanted
    this.queue = queue
    this.decode = eventDecoder(agent)
  }

  /** Reads until the runtime ends or nothing more can come. `registered` is done once the server has said where it begins. */
  run(registered: Deferred.Deferred<void, Failure>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const read = yield* Effect.result(Effect.flatMap(this.connect, (bytes) => this.read(bytes, registered)))
        if (this.ended) return
        const failure = Result.isFailure(read) ? read.failure : ApiUnavailable.of("The stream ended")
        if (yield* Deferred.isDone(registered)) {
          if (this.isFinal(failure)) return
        } else if (failure._tag !== "ApiUnavailable" || this.failures >= 5) {
          yield* Deferred.fail(registered, failure)
          return
        }
        const pause = Math.min(5000, 100 * 1.7 ** this.failures++)
        yield* Effect.sleep(pause * (yield* Random.nextBetween(0.5, 1)))
      }
    })
  }

  private get connect(): Effect.Effect<Stream.Stream<Uint8Array, Failure>, Failure> {
    const { epoch, from, options, path } = this.wanted
    return this.requester.bytes(path, {
      query: {
        epoch,
        type: options.types?.join(","),
        priority: options.priorities?.join(","),
        outcome: options.outcomes?.join(","),
        from
      },
      headers: this.cursor === undefined ? {} : { "last-event-id": this.cursor }
    })
  }

  private read(
    bytes: Stream.Stream<Uint8Array, Failure>,
    registered: Deferred.Deferred<void, Failure>
  ): Effect.Effect<void, Failure> {
    const parser = new SseParser()
    this.isCatchingUp = true
    return bytes.pipe(
      Stream.decodeText,
      Stream.mapEffect((text) =>
        Effect.flatten(
          Effect.try({
            try: () => {
              for (const frame of parser.feed(text)) if (!this.ended) this.take(frame)
              // From here on a connection that breaks is resumed: nothing is lost.
              if (this.cursor !== undefined) Deferred.doneUnsafe(registered, Exit.void)
              return this.isCatchingUp ? this.queue.drained : Exit.void
            },
            catch: () => ApiUnavailable.of("The server sent what is no event")
          })
        )
      ),
      Stream.takeUntil(() => this.ended),
      Stream.runDrain
    )
  }

  private take(frame: Frame): void {
    const { data, event, id } = frame
    if (id !== undefined) this.queue.epoch = Number(id.split("-", 1)[0])
    if (event !== undefined) {
      // A `Gap` is told without its epoch.
      const decoded = this.decode({ epoch: this.queue.epoch, ...JSON.parse(data ?? "null"), _tag: event })
      // A newer server may tell what this client does not know.
      if (Result.isSuccess(decoded)) this.tell(decoded.success)
    } else if (id !== undefined && data !== undefined) this.head = +data
    if (id !== undefined) {
      this.cursor = id
      this.failures = 0
    }
  }

  private tell(event: Event): void {
    if (event._tag === "End") {
      // A server that goes down comes back, or another takes its place.
      if (event.reason === "terminated") this.end()
      return
    }
    if (event._tag === "Emitted" && this.isRepeated(event)) return
    if ("sequence" in event && event.sequence > this.head) this.isCatchingUp = false
    this.queue.offer(event, this.isCatchingUp)
  }

  private isRepeated(event: AgentEvent.Emitted): boolean {
    const last = this.emitted
    if (last?.activityId === event.activityId && last.attempt === event.attempt && event.index <= last.index)
      return true
    this.emitted = event
    return false
  }

  private end(): void {
    this.ended = true
    this.queue.end()
  }

  /** Whether trying again is of no use. A runtime that is gone has ended. */
  private isFinal(error: Failure): boolean {
    switch (error._tag) {
      case "AgentRuntimeNotFound":
      case "AgentRuntimeTerminated":
      case "EpochMismatch":
        this.end()
        return true
      case "ApiUnavailable":
      case "ShuttingDown":
      case "TooManyRequests":
      case "StoreUnavailable":
        return false
      default:
        this.queue.fail(Exit.fail(new AgentError.StoreUnavailable({ message: error.message })))
        return true
    }
  }
}
