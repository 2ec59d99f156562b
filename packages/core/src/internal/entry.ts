import {
  type Agent,
  type AgentEvent,
  AgentError,
  type AgentRuntimeId,
  type AgentRuntimeState,
  type Priority,
  type Receipt
} from "@agent-runtime/schema"
import { Context, type Effect, Exit, type Fiber } from "effect"
import type { DeadLetter } from "../AgentRuntime.ts"
import type { Activity, Attempt, Outgoing } from "./activity.ts"
import { Counters } from "./counters.ts"
import type { Runnable } from "./dispatcher.ts"
import { EventLog, type Logged } from "./eventLog.ts"
import { CurrentEntry, type Host } from "./host.ts"
import type { Journal } from "./journal.ts"
import type { Kernel } from "./kernel.ts"
import { process, settleUnstarted } from "./processing.ts"
import { Receipts } from "./receipts.ts"
import type { Source, Subscriber } from "./subscriber.ts"
import { WaitingRoom } from "./waitingRoom.ts"

/**
 * The phase of a runtime's life in this process. Every operation looks at it and acts in one synchronous step: `active`
 * takes activities; `draining` takes none and works off what it has; `closed` is over; `passivated` is left to the store.
 */
export type Phase = "active" | "draining" | "closed" | "passivated"

/** A dead letter with what it was, so that it can be replayed: an activity, or one that could not be delivered. */
export interface Dead {
  readonly letter: DeadLetter
  readonly of: Activity | Outgoing
  /** Its place in the store. */
  readonly position: number
}

/** One runtime: its state, what waits, what runs, receipts, log and subscribers. What it does with them is in the modules beside. */
export class Entry implements Runnable, Source {
  readonly kernel: Kernel
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
  readonly host: Host
  /** Where every step is written before it takes effect; none in memory. */
  readonly journal: Journal | undefined
  /** The last committed state. */
  state: unknown
  /** The sequence of the newest committed event, 0 before the first. */
  sequence: number
  /** The last sequence given out; those above `sequence` are being written. */
  assigned: number
  phase: Phase = "active"
  paused = false
  /** What subscribers are told when this life ends. */
  reason: AgentEvent.End["reason"] = "terminated"
  /** The last activity ended in a defect, a timeout, an undeclared failure or used-up retries. */
  failing = false
  lastError: AgentRuntimeState.LastError | undefined = undefined

  current: Activity | undefined = undefined
  attempt: Attempt | undefined = undefined
  /** An attempt whose activity has ended, but whose fiber has yet to let go: nothing else runs until then. */
  lingering: Attempt | undefined = undefined
  /** What waits is failed instead of processed: a terminate will not wait for it. */
  immediate = false
  /** The end is being written. */
  private finishing = false
  /** What waits is left to the store: this process lets go of the runtime. */
  parking = false
  /** In the dispatcher's ready queue. */
  private queued = false

  private waitingRoom: WaitingRoom | undefined = undefined
  private kept: Receipts | undefined = undefined
  private counters: Counters | undefined = undefined
  private eventLog: EventLog | undefined = undefined
  private fiberContext: Context.Context<never> | undefined = undefined
  deadLetters: Map<string, Dead> | undefined = undefined
  subscribers: Set<Subscriber> | undefined = undefined
  /** Called when the info has changed. */
  watchers: Set<() => void> | undefined = undefined
  /** Called after each committed event. */
  onCommitted: (() => void) | undefined = undefined
  /** When it last took an activity or ended one, in milliseconds since the Unix epoch. */
  usedAt = 0
  /** Called when the runtime has closed. */
  onClosed: Array<() => void> | undefined = undefined

  constructor(
    kernel: Kernel,
    id: AgentRuntimeId.AgentRuntimeId,
    epoch: number,
    host: Host,
    state: unknown,
    sequence: number,
    journal: Journal | undefined
  ) {
    this.kernel = kernel
    this.id = id
    this.epoch = epoch
    this.host = host
    this.state = state
    this.sequence = sequence
    this.assigned = sequence
    this.journal = journal
    if (journal !== undefined) journal.entry = this
  }

  get agent(): Agent.Any {
    return this.host.agent
  }

  /** The services of the workflow, and this runtime as the current one. */
  get context(): Context.Context<never> {
    return (this.fiberContext ??= Context.add(this.host.context, CurrentEntry, this))
  }

  /** Runs an effect in a fiber of its own, with the services of the workflow. */
  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return this.kernel.fork(effect, this.context)
  }

  // Made on first use: an idle runtime is small.
  get waiting(): WaitingRoom {
    return (this.waitingRoom ??= new WaitingRoom(this.kernel, () => this.wake()))
  }
  get receipts(): Receipts {
    return (this.kept ??= new Receipts(this.kernel))
  }
  get count(): Counters {
    return (this.counters ??= new Counters())
  }
  get log(): EventLog {
    return (this.eventLog ??= new EventLog(this.kernel.config.logRetention, this.sequence + 1))
  }
  set log(log: EventLog) {
    this.eventLog = log
  }

  // -- processing ------------------------------------------------------------------------------------------------------

  /** Asks for a turn if there may be something to do. */
  wake(): void {
    if (this.queued || this.current !== undefined || this.isOver) return
    this.queued = true
    this.kernel.dispatcher.enqueue(this)
  }

  turn(budget: number): number {
    this.queued = false
    let done = 0
    if (this.immediate) this.failWaiting()
    while (this.canStart) {
      if (done === budget) {
        this.wake()
        return done
      }
      const activity = this.waitingRoom?.take()
      if (activity === undefined) break
      done++
      process(this, activity)
    }
    this.closeIfDrained()
    return done
  }

  private get canStart(): boolean {
    if (this.current !== undefined || this.lingering !== undefined || this.isOver || this.parking) return false
    return !this.paused || this.phase === "draining"
  }

  /** Whether this life, or this process's part in it, has ended. */
  get isOver(): boolean {
    return this.phase === "closed" || this.phase === "passivated"
  }

  /** Nothing waits, runs or is being written. */
  get isQuiet(): boolean {
    return (
      this.current === undefined &&
      this.lingering === undefined &&
      (this.parking || (this.waitingRoom?.ready ?? 0) === 0) &&
      (this.journal === undefined || this.journal.isIdle)
    )
  }

  // -- receipts --------------------------------------------------------------------------------------------------------

  find(activityId: string): Activity | undefined {
    return this.kept?.find(activityId)
  }

  receiptOf(activity: Activity): Receipt.Receipt {
    const receipt: {
      -readonly [K in keyof Receipt.Receipt]: Receipt.Receipt[K]
    } = {
      activityId: activity.id,
      runtimeId: this.id,
      epoch: this.epoch,
      type: activity.type,
      priority: activity.priority,
      status: activity.status,
      attempts: activity.attempts,
      acceptedAt: activity.acceptedAt
    }
    if (activity.sequence !== undefined) receipt.sequence = activity.sequence
    if (activity.exit !== undefined && Exit.isSuccess(activity.exit)) {
      const reply = activity.kind.encodeReply(activity.exit.value)
      if (reply !== undefined) receipt.reply = reply
    }
    if (activity.error !== undefined) receipt.error = activity.error
    return receipt
  }

  /** Keeps what cannot be processed, the newest up to the configured capacity. */
  bury(dead: Dead): void {
    const letters = (this.deadLetters ??= new Map())
    letters.set(dead.letter.activityId, dead)
    if (letters.size > this.kernel.config.deadLetterCapacity) letters.delete(letters.keys().next().value!)
    this.changed()
  }

  // -- events ----------------------------------------------------------------------------------------------------------

  get running() {
    return this.current === undefined || this.attempt === undefined
      ? undefined
      : { activity: this.current, emitted: this.attempt.emitted }
  }

  publish(event: Logged): void {
    this.log.append(event)
    this.usedAt = event.at
    if (this.onCommitted !== undefined) this.onCommitted()
    if (this.subscribers !== undefined) for (const subscriber of this.subscribers) subscriber.publish(event)
  }

  emit(event: AgentEvent.Emitted, activity: Activity): void {
    if (this.subscribers !== undefined) for (const subscriber of this.subscribers) subscriber.emit(event, activity)
  }

  release(subscriber: Subscriber): void {
    if (this.subscribers?.delete(subscriber) === true) this.changed()
    if (this.subscribers?.size === 0) this.subscribers = undefined
  }

  /** Tells who watches the info that it has changed. */
  changed(): void {
    if (this.watchers !== undefined) for (const notify of this.watchers) notify()
  }

  // -- end of life -----------------------------------------------------------------------------------------------------

  closeIfDrained(): void {
    if (this.phase === "draining" && this.isQuiet) this.finish()
  }

  /** Ends this life; with a store that is written first, unless this process only lets go of the runtime. */
  finish(): void {
    if (this.finishing || this.isOver) return
    if (this.journal === undefined || this.parking) return this.close()
    this.finishing = true
    this.journal.push({ change: { terminated: true }, apply: () => this.close() })
  }

  /** The last step of a life in this process: subscribers get `End`, who waits for the end is told, nothing stays. */
  close(): void {
    if (this.isOver) return
    this.phase = "closed"
    if (this.subscribers !== undefined) for (const subscriber of this.subscribers) subscriber.end(this.reason)
    this.subscribers = undefined
    this.waitingRoom?.releaseSenders()
    this.detach(Exit.fail(AgentError.AgentRuntimeTerminated.of(this.id)))
    this.kernel.unlink(this)
    this.changed()
    this.watchers = undefined
    for (const notify of this.onClosed ?? []) this.kernel.dispatcher.defer(notify)
    this.onClosed = undefined
  }

  /** Tells who waits for a pending activity that this process will not see its end. */
  detach(exit: Exit.Exit<never, AgentError.AgentRuntimeTerminated>): void {
    this.waitingRoom?.takeHeld()
    for (const activity of this.kept?.takePending() ?? []) {
      activity.lost = exit
      for (const notify of activity.takeWaiters() ?? []) this.kernel.dispatcher.defer(notify)
    }
  }

  /** Cancels what is held back: delayed activities and pending retries do not outlive a terminate. */
  cancelHeld(): void {
    for (const activity of this.waitingRoom?.takeHeld() ?? []) {
      settleUnstarted(this, activity, "cancelled", AgentError.ActivityCancelled.of(activity.id))
    }
  }

  /** Fails everything that waits: the runtime ends without processing it. */
  failWaiting(): void {
    this.cancelHeld()
    for (let next = this.waitingRoom?.take(); next !== undefined; next = this.waitingRoom?.take()) {
      settleUnstarted(this, next, "failed", AgentError.AgentRuntimeTerminated.of(this.id))
    }
  }

  // -- info ------------------------------------------------------------------------------------------------------------

  get status(): AgentRuntimeState.Status {
    if (this.phase === "closed") return "terminated"
    if (this.phase === "draining") return "draining"
    if (this.paused) return "paused"
    if (this.current !== undefined) return "processing"
    return this.failing ? "error" : "idle"
  }

  get info(): AgentRuntimeState.RuntimeInfo {
    const now = this.kernel.clock.currentTimeMillisUnsafe()
    const { waiting } = this
    const lane = (name: Priority.Priority): AgentRuntimeState.Lane => {
      const oldest = waiting.oldest(name)
      return {
        size: waiting.size(name),
        capacity: waiting.capacity(name),
        ...(oldest === undefined ? {} : { oldestWaitMillis: now - oldest.queuedAt })
      }
    }
    return {
      id: this.id,
      agent: this.agent.name,
      epoch: this.epoch,
      status: this.status,
      state: this.state,
      sequence: this.sequence,
      metrics: this.count.metrics({
        inFlight: this.current === undefined ? 0 : 1,
        delayed: waiting.delayed,
        deadLetters: this.deadLetters?.size ?? 0
      }),
      mailbox: { lanes: { urgent: lane("urgent"), standard: lane("standard"), background: lane("background") } },
      subscribers: Array.from(this.subscribers ?? [], (subscriber) => subscriber.info),
      ...(this.lastError === undefined ? {} : { lastError: this.lastError })
    }
  }
}
