import { AgentError, type AgentEvent, type AgentRuntimeState } from "@agent-runtime/schema"
import { type Array as Arr, Cause, Effect, Exit, type Pull } from "effect"
import type { SubscriptionOptions } from "../Subscription.ts"
import type { Activity } from "./activity.ts"
import type { Burst } from "./broadcast.ts"
import * as Callbacks from "./callbacks.ts"
import type { Dispatcher } from "./dispatcher.ts"
import { type Logged, toEvent } from "./event.ts"
import type { History } from "./history.ts"

type Event = AgentEvent.AgentEvent

/** Events read from the log in one go while a subscriber catches up. */
const page = 256

/** What a subscriber reads of its runtime. */
export interface Source {
  readonly epoch: number
  /** The sequence of the newest committed event, 0 before the first. */
  readonly sequence: number
  readonly history: History
  /** The running activity, with what its attempt has emitted so far. */
  readonly attempt: { readonly activity: Activity; readonly emitted: ReadonlyArray<AgentEvent.Emitted> } | undefined
  /** Hands over what has happened: the log and the queues then agree. */
  flush(): void
  release(subscriber: Subscriber): void
}

/**
 * One subscriber: a bounded queue of its own, so that a slow one delays nobody.
 *
 * It starts by reading the log from its cursor, and goes live in the very step in which it has read the last event: what
 * is published before is still in the log, what is published after goes to the queue, so nothing is missed or doubled.
 *
 * Invariant: the queue is `events` from `head` on. A reader is handed the array itself. While `isShared` it is the burst that
 * other subscribers have too, and is not changed.
 */
export class Subscriber {
  readonly id: number
  readonly connectedAt: number
  private readonly options: SubscriptionOptions
  private source: Source
  private readonly dispatcher: Dispatcher
  private readonly capacity: number
  /** Every event passes but failures: there is nothing to look at. */
  private readonly isPlain: boolean
  private events: Array<Event> = []
  private isShared = false
  private head = 0
  /** The last sequence this subscriber has considered. */
  private cursor: number
  /** The last sequence that has left the queue. */
  private left: number
  private live = false
  private gap: { missed: number; from: number; to: number } | undefined = undefined
  private reason: AgentEvent.End["reason"] | undefined = undefined
  private exit: Exit.Exit<never, AgentError.SubscriberLagged | Cause.Done> | undefined = undefined
  private waiting: Callbacks.Callback | undefined = undefined
  private delivered = 0
  private filtered = 0
  private dropped = 0

  constructor(
    id: number,
    connectedAt: number,
    options: SubscriptionOptions,
    cursor: number,
    source: Source,
    dispatcher: Dispatcher
  ) {
    this.id = id
    this.connectedAt = connectedAt
    this.options = options
    this.cursor = cursor
    this.left = cursor
    this.source = source
    this.dispatcher = dispatcher
    this.capacity = options.capacity ?? 1024
    this.isPlain = options.types === undefined && options.priorities === undefined && options.filter === undefined
  }

  /** Begins, once it is registered: where there is nothing to catch up with, it is live from here on. */
  start(): void {
    this.catchUp(0)
  }

  get info(): AgentRuntimeState.Subscriber {
    return {
      id: this.id,
      ...(this.options.name === undefined ? {} : { name: this.options.name }),
      delivered: this.delivered,
      filtered: this.filtered,
      dropped: this.dropped,
      lag: this.length + (this.live ? 0 : this.source.sequence - this.cursor),
      connectedAt: this.connectedAt
    }
  }

  /** Whether it has read the log to its end. */
  get isLive(): boolean {
    return this.live
  }

  /**
   * Goes on with the runtime that took the place of the one it was registered with, if that is the same life of it. What has been
   * committed elsewhere meanwhile is read from the log, or told as a gap.
   */
  follow(source: Source): boolean {
    if (source.epoch !== this.source.epoch) return false
    this.source = source
    this.live = source.sequence <= this.cursor
    if (!this.live) this.wake()
    return true
  }

  release(): void {
    this.source.release(this)
  }

  /** What has happened; does nothing until the subscriber is live, for then it reads the log. */
  receive(burst: Burst): void {
    if (!this.live) return
    const { activities, events, sequence } = burst
    if (this.takesWhole(burst)) {
      this.events = events
      this.isShared = true
      if (sequence !== 0) this.cursor = sequence
    } else {
      for (let i = 0; this.live && i < events.length; i++) this.consider(events[i]!, activities[i]!)
    }
    if (this.length > 0) this.wake()
  }

  /** An empty queue takes over a burst of which nothing is filtered: the array serves all such subscribers. */
  private takesWhole({ events, hasFailed }: Burst): boolean {
    return (
      this.isPlain &&
      !hasFailed &&
      this.options.outcomes === undefined &&
      this.events.length === 0 &&
      events.length <= this.capacity
    )
  }

  private consider(event: Burst["events"][number], activity: Activity): void {
    if (event._tag === "Emitted") {
      if (this.isPlain || this.passes(event, activity)) this.push(event)
      return
    }
    this.cursor = event.sequence
    if (this.wants(event, activity)) this.push(event)
  }

  /** No more events will come: what is queued is delivered, then `End`. */
  end(reason: AgentEvent.End["reason"]): void {
    this.reason = reason
    this.wake()
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Event>, AgentError.SubscriberLagged> = Effect.suspend(() => {
    const batch = this.poll()
    if (batch !== undefined) return Exit.succeed(batch)
    if (this.exit !== undefined) return this.exit
    return this.wait
  })

  /** Then pulls again: what is queued is taken in the step that delivers it. */
  private readonly wait: typeof this.pull = Effect.callback((resume) => {
    const waiter = new Callbacks.Callback(() => resume(this.pull))
    this.waiting = Callbacks.add(this.waiting, waiter)
    // The fiber may have yielded since it looked.
    if (this.length > 0 || this.reason !== undefined || this.exit !== undefined) this.wake()
    return Effect.sync(() => {
      this.waiting = Callbacks.remove(this.waiting, waiter)
    })
  })

  private wake(): void {
    const { waiting } = this
    if (waiting === undefined) return
    this.waiting = undefined
    Callbacks.forEach(waiting, this.dispatcher.defer)
  }

  private get length(): number {
    return this.events.length - this.head
  }

  private poll(): Arr.NonEmptyReadonlyArray<Event> | undefined {
    if (!this.live) this.source.flush()
    while (!this.live && this.length === 0 && this.exit === undefined) this.catchUp(page)
    let batch = this.head === 0 ? this.events : this.events.slice(this.head)
    if (batch.length > 0) {
      this.events = []
      this.isShared = false
      this.head = 0
      this.left = this.cursor
    }
    if (this.gap !== undefined) {
      batch = [{ _tag: "Gap", epoch: this.source.epoch, ...this.gap }, ...batch]
      this.gap = undefined
    }
    if (this.live && this.reason !== undefined && this.exit === undefined) {
      batch = [...batch, { _tag: "End", reason: this.reason }]
      this.exit = Exit.fail(Cause.Done())
    }
    this.delivered += batch.length
    return batch.length === 0 ? undefined : (batch as unknown as Arr.NonEmptyReadonlyArray<Event>)
  }

  /** Reads at most `limit` events of the log; at its end the subscriber goes live. */
  private catchUp(limit: number): void {
    const { source } = this
    const { oldest } = source.history
    if (limit > 0 && this.cursor + 1 < oldest) {
      this.addGap(oldest - 1 - this.cursor, this.cursor + 1, oldest - 1)
      this.cursor = oldest - 1
    }
    for (let read = 0; read < limit && this.cursor < source.sequence; read++) {
      const activity = source.history.at(++this.cursor)
      if (activity === undefined) continue
      const event = toEvent(activity, source.epoch)
      if (this.wants(event, activity)) this.events.push(event)
      if (this.exit !== undefined) return
    }
    if (this.cursor < source.sequence) return
    this.live = true
    // Bounded by `emittedRetention`: a backlog overruns no queue.
    const attempt = Array.from(source.history.unsettled.values()).find((attempt) => attempt) ?? source.attempt
    for (const event of attempt?.emitted ?? []) {
      if (this.isPlain || this.passes(event, attempt!.activity)) this.events.push(event)
      if (this.exit !== undefined) return
    }
  }

  private push(event: Event): void {
    if (this.length >= this.capacity && !this.makeRoom()) return
    if (this.isShared) this.compact()
    this.events.push(event)
  }

  /** The queue in an array of its own. */
  private compact(): void {
    this.events = this.events.slice(this.head)
    this.isShared = false
    this.head = 0
  }

  private makeRoom(): boolean {
    if (this.options.strategy === "disconnect") {
      this.fail(Exit.fail(AgentError.SubscriberLagged.of(this.capacity)))
      return false
    }
    this.drop(this.events[this.head++]!)
    if (this.head > this.capacity) this.compact()
    return true
  }

  private drop(event: Event): void {
    this.dropped++
    if (event._tag === "Processed" || event._tag === "Failed") {
      this.left = event.sequence
      return this.addGap(1, event.sequence, event.sequence)
    }
    // What was emitted has no sequence: it counts as missed, but no sequence is lost with it.
    this.addGap(1, this.left + 1, this.left)
  }

  private addGap(missed: number, from: number, to: number): void {
    const { gap } = this
    if (gap === undefined) {
      this.gap = { missed, from, to }
      return
    }
    gap.missed += missed
    if (gap.from > gap.to) gap.from = from
    if (to > gap.to) gap.to = to
  }

  private fail(exit: Exit.Exit<never, AgentError.SubscriberLagged>): void {
    this.exit = exit
    this.live = false
    this.events = []
    this.isShared = false
    this.head = 0
    this.gap = undefined
    this.source.release(this)
    this.wake()
  }

  private wants(event: Logged, activity: Activity): boolean {
    const { outcomes } = this.options
    const isWanted =
      outcomes === undefined
        ? event._tag === "Processed"
        : outcomes.includes(event._tag === "Processed" ? "processed" : "failed")
    if (isWanted) return this.isPlain || this.passes(event, activity)
    this.filtered++
    return false
  }

  private passes(event: Logged | AgentEvent.Emitted, activity: Activity): boolean {
    const { filter, priorities, types } = this.options
    try {
      if (
        (types === undefined || types.includes(event.type)) &&
        (filter === undefined || filter(event)) &&
        (priorities === undefined || priorities.includes(activity.priority))
      ) {
        return true
      }
    } catch (defect) {
      this.fail(Exit.die(defect))
      return false
    }
    this.filtered++
    return false
  }
}
