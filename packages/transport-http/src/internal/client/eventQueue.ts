import { AgentError, type AgentEvent } from "@agent-runtime/schema"
import type { Subscription } from "@agent-runtime/core"
import { Array as Arr, Cause, Effect, Exit, type Pull } from "effect"

type Event = AgentEvent.AgentEvent
type End = Exit.Exit<never, AgentError.SubscriberLagged | AgentError.StoreUnavailable | Cause.Done>

/**
 * What has arrived for a subscriber and is not read yet: bounded, so that one that is slow loses the oldest and is told
 * how many with a `Gap`, or is cut off.
 */
export class EventQueue {
  private readonly options: Subscription.SubscriptionOptions
  private readonly capacity: number
  /** Of the events that come. */
  epoch: number
  private events: Array<Event> = []
  private gap: { missed: number; from: number; to: number } | undefined = undefined
  private exit: End | undefined = undefined
  private waiting: (() => void) | undefined = undefined
  private relieve: (() => void) | undefined = undefined
  private last = 0

  constructor(options: Subscription.SubscriptionOptions, epoch: number) {
    this.options = options
    this.capacity = options.capacity ?? 1024
    this.epoch = epoch
  }

  /** One that `isOld` has room, whatever the capacity: they come no faster than they are taken. */
  offer(event: Event, isOld = false): void {
    if (this.exit !== undefined) return
    const { filter, outcomes, priorities, types } = this.options
    if (event._tag !== "Gap") {
      // The server takes an empty list for none.
      if (types?.length === 0 || priorities?.length === 0) return
      if (outcomes?.length === 0 && event._tag !== "Emitted") return
      try {
        if (filter !== undefined && !filter(event)) return
      } catch (defect) {
        return this.fail(Exit.die(defect))
      }
    }
    if (this.events.length >= this.capacity && !isOld) {
      if (this.options.strategy === "disconnect") {
        return this.fail(Exit.fail(AgentError.SubscriberLagged.of(this.capacity)))
      }
      this.drop(this.events.shift())
    }
    this.events.push(event)
    this.waiting?.()
  }

  private drop(event: Event | undefined): void {
    if (event === undefined || event._tag === "End") return
    // What was emitted has no sequence: it counts as missed, and names none.
    const [missed, from, to] =
      event._tag === "Gap"
        ? [event.missed, event.from, event.to]
        : "sequence" in event
          ? [1, event.sequence, event.sequence]
          : [1, this.last + 1, this.last]
    this.last = Math.max(this.last, to)
    const gap = (this.gap ??= { missed: 0, from, to })
    if (gap.from > gap.to) gap.from = from
    gap.missed += missed
    gap.to = Math.max(gap.to, to)
  }

  /** The runtime has ended: what waits is read, then `End`. */
  end(): void {
    if (this.exit !== undefined) return
    this.events.push({ _tag: "End", reason: "terminated" })
    this.exit = Exit.fail(Cause.Done())
    this.waiting?.()
  }

  fail(exit: End): void {
    this.exit = exit
    this.events = []
    this.gap = undefined
    this.waiting?.()
  }

  readonly pull: Pull.Pull<
    Arr.NonEmptyReadonlyArray<Event>,
    AgentError.SubscriberLagged | AgentError.StoreUnavailable
  > = Effect.callback((resume) => {
    this.waiting = () => resume(this.taken)
    if (this.events.length > 0 || this.exit !== undefined) this.waiting?.()
    return Effect.sync(() => {
      this.waiting = undefined
    })
  })

  private readonly taken: typeof this.pull = Effect.suspend(() => {
    const batch = this.poll()
    return batch === undefined ? (this.exit ?? this.pull) : Exit.succeed(batch)
  })

  /** Waits until everything has been taken. */
  readonly drained = Effect.callback<void>((resume) => {
    this.relieve = () => resume(Effect.void)
    if (this.events.length === 0) this.relieve()
  })

  private poll(): Arr.NonEmptyReadonlyArray<Event> | undefined {
    const { events, gap } = this
    this.events = []
    this.gap = undefined
    this.relieve?.()
    for (const event of events) if ("sequence" in event) this.last = event.sequence
    if (gap !== undefined) events.unshift({ _tag: "Gap", epoch: this.epoch, ...gap })
    return Arr.isArrayNonEmpty(events) ? events : undefined
  }
}
