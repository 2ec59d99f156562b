import { AgentError, type AgentEvent, type AgentRuntimeState } from "@agent-runtime/schema"
import { type Array as Arr, Cause, Effect, Exit, type Pull } from "effect"
import type { SubscriptionOptions } from "../Subscription.ts"
import type { Activity } from "./activity.ts"
import { Deque } from "./deque.ts"
import type { Dispatcher } from "./dispatcher.ts"
import type { EventLog, Logged } from "./eventLog.ts"

type Event = AgentEvent.AgentEvent

/** Events read from the log in one go while a subscriber catches up. */
const page = 256

/** What a subscriber reads of its runtime. */
export interface Source {
  readonly epoch: number
  /** The sequence of the newest committed event, 0 before the first. */
  readonly sequence: number
  readonly log: EventLog
  /** The running activity, with what its attempt has emitted so far. */
  readonly running: { readonly activity: Activity; readonly emitted: ReadonlyArray<AgentEvent.Emitted> } | undefined
  release(subscriber: Subscriber): void
}

/**
 * One subscriber: a bounded queue of its own, so that a slow one delays nobody.
 *
 * It starts by reading the log from its cursor, and goes live in the very step in which it has read the last event: what
 * is published before is still in the log, what is published after goes to the queue, so nothing is missed or doubled.
 */
export class Subscriber {
  readonly id: number
  readonly connectedAt: number
  private readonly options: SubscriptionOptions
  private source: Source
  private readonly dispatcher: Dispatcher
  private readonly capacity: number
  private readonly queue = new Deque<Event>()
  /** The last sequence this subscriber has considered. */
  private cursor: number
  /** The last sequence that has left the queue; with nothing queued, the last considered. */
  private passed: number
  private live = false
  private gap: { missed: number; from: number; to: number } | undefined = undefined
  private reason: AgentEvent.End["reason"] | undefined = undefined
  private exit: Exit.Exit<never, AgentError.SubscriberLagged | Cause.Done> | undefined = undefined
  private waiting: Array<() => void> | undefined = undefined
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
    this.passed = cursor
    this.source = source
    this.dispatcher = dispatcher
    this.capacity = options.capacity ?? 1024
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
      lag: this.live ? this.queue.length : this.source.sequence - this.cursor,
      connectedAt: this.connectedAt
    }
  }

  /** Whether it has read the log to its end. */
  get isLive(): boolean {
    return this.live
  }

  /** Goes on with the runtime that took the place of the one it was registered with. */
  follow(source: Source): void {
    this.source = source
  }

  release(): void {
    this.source.release(this)
  }

  /** A committed event; does nothing until the subscriber is live, for then it reads the event from the log. */
  publish(event: Logged): void {
    if (!this.live) return
    this.cursor = event.sequence
    if (this.wants(event)) this.push(event)
  }

  /** What a workflow emits is live only. */
  emit(event: AgentEvent.Emitted, activity: Activity): void {
    if (this.live && this.wantsEmitted(event, activity)) this.push(event)
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
    return Effect.flatMap(this.wait, () => this.pull)
  })

  private readonly wait = Effect.callback<void>((resume) => {
    const notify = () => resume(Effect.void)
    ;(this.waiting ??= []).push(notify)
    return Effect.sync(() => {
      this.waiting = this.waiting?.filter((other) => other !== notify)
    })
  })

  private wake(): void {
    const waiting = this.waiting
    if (waiting === undefined) return
    this.waiting = undefined
    for (const notify of waiting) this.dispatcher.defer(notify)
  }

  private poll(): Arr.NonEmptyReadonlyArray<Event> | undefined {
    while (!this.live && this.queue.length === 0 && this.exit === undefined) this.catchUp(page)
    const batch: Array<Event> = []
    if (this.gap !== undefined) {
      batch.push({ _tag: "Gap", epoch: this.source.epoch, ...this.gap })
      this.gap = undefined
    }
    for (let event = this.queue.shift(); event !== undefined; event = this.queue.shift()) batch.push(event)
    if (this.live && this.reason !== undefined && this.exit === undefined) {
      batch.push({ _tag: "End", reason: this.reason })
      this.exit = Exit.fail(Cause.Done())
    }
    this.passed = this.cursor
    this.delivered += batch.length
    return batch.length === 0 ? undefined : (batch as unknown as Arr.NonEmptyReadonlyArray<Event>)
  }

  /** Reads at most `limit` events of the log; at its end the subscriber goes live. */
  private catchUp(limit: number): void {
    const { log } = this.source
    for (let read = 0; read < limit && this.cursor < this.source.sequence; read++) {
      if (this.cursor + 1 < log.oldest) {
        this.addGap(log.oldest - 1 - this.cursor, this.cursor + 1, log.oldest - 1)
        this.cursor = log.oldest - 1
        // The gap comes before what is still kept.
        if (this.cursor < this.source.sequence) continue
        break
      }
      const event = log.get(++this.cursor)
      if (event !== undefined && this.wants(event)) this.queue.push(event)
      if (this.exit !== undefined) return
    }
    if (this.cursor < this.source.sequence) return
    this.live = true
    const { running } = this.source
    if (running === undefined) return
    // Bounded by `emittedRetention`: a backlog overruns no queue.
    for (const event of running.emitted) {
      if (this.wantsEmitted(event, running.activity)) this.queue.push(event)
      if (this.exit !== undefined) return
    }
  }

  private push(event: Event): void {
    if (this.queue.length >= this.capacity) {
      if (this.options.strategy === "disconnect") {
        return this.fail(Exit.fail(AgentError.SubscriberLagged.of(this.capacity)))
      }
      this.drop(this.queue.shift()!)
    }
    this.queue.push(event)
    if (this.waiting !== undefined) this.wake()
  }

  private drop(event: Event): void {
    this.dropped++
    if ("sequence" in event) {
      this.passed = event.sequence
      return this.addGap(1, event.sequence, event.sequence)
    }
    // What was emitted has no sequence: it counts as missed, but no sequence is lost with it.
    this.addGap(1, this.passed + 1, this.passed)
  }

  private addGap(missed: number, from: number, to: number): void {
    if (this.gap === undefined) this.gap = { missed, from, to }
    else {
      this.gap.missed += missed
      if (this.gap.from > this.gap.to) this.gap.from = from
      this.gap.to = Math.max(this.gap.to, to)
    }
  }

  private fail(exit: Exit.Exit<never, AgentError.SubscriberLagged>): void {
    this.exit = exit
    this.live = false
    this.queue.clear()
    this.gap = undefined
    this.source.release(this)
    this.wake()
  }

  private wants(event: Logged): boolean {
    const { options } = this
    const outcome = event._tag === "Processed" ? "processed" : "failed"
    const wanted =
      (options.outcomes === undefined ? outcome === "processed" : options.outcomes.includes(outcome)) &&
      (options.types === undefined || options.types.includes(event.type)) &&
      (options.priorities === undefined || options.priorities.includes(event.priority)) &&
      (options.filter === undefined || this.passes(options.filter, event))
    if (!wanted) this.filtered++
    return wanted
  }

  private wantsEmitted(event: AgentEvent.Emitted, activity: Activity): boolean {
    const { options } = this
    const wanted =
      (options.types === undefined || options.types.includes(event.type)) &&
      (options.priorities === undefined || options.priorities.includes(activity.priority)) &&
      (options.filter === undefined || this.passes(options.filter, event))
    if (!wanted) this.filtered++
    return wanted
  }

  private passes(filter: (event: Event) => boolean, event: Event): boolean {
    try {
      return filter(event)
    } catch (defect) {
      this.fail(Exit.die(defect))
      return false
    }
  }
}
