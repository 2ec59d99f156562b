import { type Agent, AgentError, AgentEvent } from "@agent-runtime/schema"
import type { Subscription } from "@agent-runtime/core"
import { Deferred, Duration, Effect, Exit, Random, Result, Schema, Stream } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
import type { EventQueue } from "./eventQueue.ts"
import type { Failure } from "./failure.ts"
import type { Requester } from "./requester.ts"
import { type Frame, SseParser } from "./sseParser.ts"

type Event = AgentEvent.AgentEvent

/** Three signs of life missed: the connection is dead, whatever it says. */
export const silence = Duration.seconds(45)

/** What a reader is after, as far as the server can judge it. */
export interface Wanted {
  readonly path: string
  readonly epoch: number | undefined
  readonly options: Subscription.SubscriptionOptions
}

const fromOf = (from: Subscription.From, epoch: number | undefined): string =>
  typeof from === "string" ? from : `${from.epoch ?? epoch ?? 0}-${from.after}`

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
  private emitted: { readonly activityId: string; readonly attempt: number; index: number } | undefined = undefined
  private ended = false

  constructor(requester: Requester, agent: Agent.Any, wanted: Wanted, queue: EventQueue) {
    this.requester = requester
    this.wanted = wanted
    this.queue = queue
    this.decode = Schema.decodeUnknownResult(AgentEvent.codec(agent))
  }

  /** Reads until the runtime ends or nothing more can come. `registered` is done when the server has the reader. */
  run(registered: Deferred.Deferred<void, Failure>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      let failures = 0
      while (!this.ended) {
        const connection = yield* Effect.result(this.connect)
        if (Result.isSuccess(connection)) {
          failures = 0
          yield* Deferred.succeed(registered, undefined)
          yield* Effect.ignore(this.read(connection.success))
        } else if (!(yield* Deferred.isDone(registered))) {
          if (connection.failure._tag !== "ApiUnavailable" || failures >= 5) {
            yield* Deferred.fail(registered, connection.failure)
            return
          }
        } else if (this.isFinal(connection.failure)) return
        if (this.ended) return
        const pause = Math.min(5000, 100 * 1.7 ** failures++)
        yield* Effect.sleep(pause * (yield* Random.nextBetween(0.5, 1)))
      }
    })
  }

  private get connect(): Effect.Effect<Stream.Stream<Uint8Array, Failure>, Failure> {
    const { epoch, options, path } = this.wanted
    return this.requester.bytes(path, {
      query: {
        epoch,
        type: options.types?.join(","),
        priority: options.priorities?.join(","),
        outcome: options.outcomes?.join(","),
        from: fromOf(options.from ?? "latest", epoch)
      },
      headers: this.cursor === undefined ? {} : { "last-event-id": this.cursor }
    })
  }

  private read(bytes: Stream.Stream<Uint8Array, Failure>): Effect.Effect<void, unknown> {
    const parser = new SseParser()
    return bytes.pipe(
      Stream.timeoutOrElse({ duration: silence, orElse: () => Stream.fail(ApiUnavailable.of("silence")) }),
      Stream.decodeText,
      Stream.runForEach((text) => {
        for (const frame of parser.feed(text)) if (!this.ended) this.take(frame)
        return this.ended ? Effect.fail("ended") : Effect.void
      })
    )
  }

  private take(frame: Frame): void {
    const { data, event, id } = frame
    if (data !== undefined && event !== undefined) {
      const fields = JSON.parse(data) as Record<string, unknown>
      const epoch = Number((id ?? this.cursor ?? "0").split("-", 1)[0])
      const decoded = this.decode(event === "Gap" ? { ...fields, _tag: event, epoch } : { ...fields, _tag: event })
      // A newer server may tell what this client does not know.
      if (Result.isSuccess(decoded)) this.tell(decoded.success)
    }
    if (id !== undefined) this.cursor = id
  }

  private tell(event: Event): void {
    if (event._tag === "End") {
      // A server that goes down comes back, or another takes its place.
      if (event.reason === "terminated") this.end()
      return
    }
    if (event._tag === "Emitted" && this.isRepeated(event)) return
    this.queue.offer(event)
  }

  private isRepeated(event: AgentEvent.Emitted): boolean {
    const last = this.emitted
    if (last !== undefined && last.activityId === event.activityId && last.attempt === event.attempt) {
      if (event.index <= last.index) return true
      last.index = event.index
    } else {
      this.emitted = { activityId: event.activityId, attempt: event.attempt, index: event.index }
    }
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
