import { type Agent, AgentError, type AgentEvent } from "@agent-runtime/schema"
import type { Subscription } from "@agent-runtime/core"
import { Deferred, Effect, Exit, Stream } from "effect"
import { ApiUnavailable } from "../../ApiError.ts"
import type { EventQueue } from "./eventQueue.ts"
import type { Failure } from "./failure.ts"
import { reconnect, type Requester } from "./requester.ts"
import type { Frame } from "./sseParser.ts"
import { eventDecoder } from "./wire.ts"

type Event = AgentEvent.AgentEvent

/** What is read of an event, which may be none. */
export const reading = <A, E>(read: () => Effect.Effect<A, E>): Effect.Effect<A, E | ApiUnavailable> =>
  Effect.flatten(Effect.try({ try: read, catch: () => ApiUnavailable.of("The server sent what is no event") }))

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
  private readonly decode: (json: unknown) => Exit.Exit<Event, unknown>
  private cursor: string | undefined = undefined
  /** What was emitted last, of an activity that has not ended. */
  private emitted: AgentEvent.Emitted | undefined = undefined
  /** The same when the connection was made, which tells it again from its start. */
  private before: AgentEvent.Emitted | undefined = undefined
  /** The newest sequence when a connection was made that began behind it. */
  private head = 0
  /** Until the first event after that: what is told before is read no faster than it is taken. */
  private isCatchingUp = false
  private ended = false

  constructor(requester: Requester, agent: Agent.Any, wanted: Wanted, queue: EventQueue) {
    this.requester = requester
    this.wanted = wanted
    this.queue = queue
    this.decode = eventDecoder(agent)
  }

  /** Reads until the runtime ends or nothing more can come. `registered` is done once the server has said where it begins. */
  run(registered: Deferred.Deferred<void, Failure>): Effect.Effect<void> {
    const bursts = Stream.unwrap(Effect.suspend(() => this.connect())).pipe(
      Stream.mapEffect((frames) =>
        reading(() => {
          for (const frame of frames) if (!this.ended) this.take(frame)
          // From here on a connection that breaks is resumed: nothing is lost.
          if (this.hasBegun) Deferred.doneUnsafe(registered, Exit.void)
          return this.isCatchingUp ? this.queue.drained : Exit.void
        })
      ),
      Stream.takeUntil(() => this.ended),
      // Signs of life alone are no beginning.
      Stream.filter(() => this.hasBegun)
    )
    return Effect.catch(Stream.runDrain(reconnect(bursts, () => this.hasBegun, this.requester.patience)), (failure) => {
      if (!this.hasBegun) return Deferred.fail(registered, failure)
      this.stop(failure)
      return Exit.void
    })
  }

  private get hasBegun(): boolean {
    return this.cursor !== undefined
  }

  private connect(): ReturnType<Requester["frames"]> {
    const { epoch, from, options, path } = this.wanted
    this.isCatchingUp = true
    this.before = this.emitted
    return this.requester.frames(
      path,
      {
        epoch,
        // In a list, a comma is no part of a name, and the space around it neither.
        type: options.types?.map((type) => type.replace(/[%,\s]/g, encodeURIComponent)).join(),
        priority: options.priorities?.join(),
        outcome: options.outcomes?.join(),
        from
      },
      this.cursor
    )
  }

  private take(frame: Frame): void {
    const { data, event, id } = frame
    const [epoch = 0, sequence = 0] = (id ?? "").split("-").map(Number)
    if (id !== undefined) this.queue.epoch = epoch
    if (event !== undefined) {
      // A `Gap` is told without its epoch.
      const decoded = this.decode({ epoch: this.queue.epoch, ...JSON.parse(data ?? "null"), _tag: event })
      if (Exit.isSuccess(decoded)) this.tell(decoded.value)
      // A server may tell what this client knows otherwise, or not at all: to its reader that is lost.
      else if (id !== undefined) this.tell({ _tag: "Gap", epoch, missed: 1, from: sequence, to: sequence })
    } else if (id !== undefined && data !== undefined) this.head = +data
    if (id === undefined) return
    this.cursor = id
  }

  private tell(event: Event): void {
    if (event._tag === "End") {
      // A server that goes down comes back, or another takes its place.
      if (event.reason === "terminated") this.end()
      return
    }
    const { before, emitted } = this
    if (event._tag === "Emitted") {
      if (event.activityId === before?.activityId && event.attempt === before.attempt && event.index <= before.index)
        return
      this.emitted = event
    } else if ("sequence" in event) {
      if (event.sequence > this.head) this.isCatchingUp = false
      // A dead letter that is replayed emits anew.
      if (event.activityId === emitted?.activityId) this.emitted = this.before = undefined
    }
    this.queue.offer(event, this.isCatchingUp)
  }

  private end(): void {
    this.ended = true
    this.queue.end()
  }

  /** Trying again is of no use. A runtime that is gone has ended. */
  private stop({ _tag, message }: Failure): void {
    if (["AgentRuntimeNotFound", "AgentRuntimeTerminated", "EpochMismatch"].includes(_tag)) this.end()
    else this.queue.fail(Exit.fail(new AgentError.StoreUnavailable({ message })))
  }
}
