import {
  type Agent,
  AgentError,
  type AgentEvent,
  type AgentRuntimeId,
  type AgentRuntimeState,
  Priority,
  type Receipt
} from "@agent-runtime/schema"
import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { Context, type Effect, Exit, type Fiber } from "effect"
import type { DeadLetter } from "../AgentRuntime.ts"
import type { Activity, Attempt, Outgoing } from "./activity.ts"
import { Deque } from "./deque.ts"
import type { Runnable } from "./dispatcher.ts"
import { EventLog, type Logged } from "./eventLog.ts"
import { type CompiledType, CurrentEntry, type Host } from "./host.ts"
import type { Kernel } from "./kernel.ts"
import { process, settleUnstarted } from "./processing.ts"
import type { Source, Subscriber } from "./subscriber.ts"

/**
 * The phase of a runtime's life. Every operation looks at it and acts in one synchronous step:
 * `active` takes activities; `draining` takes none and works off what it has; `closed` is over.
 */
export type Phase = "active" | "draining" | "closed"

/** Counters, plain integers and sums in milliseconds. */
export interface Counters {
  processed: number
  declared: number
  undeclared: number
  defect: number
  timeout: number
  interrupted: number
  expired: number
  cancelled: number
  superseded: number
  retried: number
  restarts: number
  started: number
  queueWait: number
  processing: number
}

/** A dead letter with what it was, so that it can be replayed: an activity, or one that could not be delivered. */
export interface Dead {
  readonly letter: DeadLetter
  readonly of: Activity | Outgoing
}

/** Room is checked when an activity is accepted, together with the places reserved: what was accepted always fits. */
const makeLanes = (maxSkips: number) =>
  PrioritizedMailbox.makeUnsafe<Activity>({ lanes: Priority.priorities, scheduling: { maxSkips } })
type Lanes = ReturnType<typeof makeLanes>

/** One runtime: its state, mailbox, running activity, receipts, log and subscribers. What it does with them is in the modules beside. */
export class Entry implements Runnable, Source {
  readonly kernel: Kernel
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly epoch: number
  readonly host: Host
  state: unknown
  sequence = 0
  phase: Phase = "active"
  paused = false
  /** What subscribers are told when this life ends. */
  reason: AgentEvent.End["reason"] = "terminated"
  /** The last activity ended in a defect, a timeout, an undeclared failure or used-up retries. */
  failing = false
  lastError: AgentRuntimeState.LastError | undefined = undefined

  current: Activity | undefined = undefined
  attempt: Attempt | undefined = undefined
  /** In the dispatcher's ready queue. */
  private queued = false

  /** Activities that go before everything in the mailbox: those that interrupted what ran. */
  ahead: Deque<Activity> | undefined = undefined
  private lanes: Lanes | undefined = undefined
  /** Places taken in each lane by activities that are not in it now: delayed, retrying or ahead. */
  private readonly reserved: [urgent: number, standard: number, background: number] = [0, 0, 0]
  /** Delayed activities and pending retries. */
  delayed: Set<Activity> | undefined = undefined

  /** By id: what is pending, and what has ended while its receipt is kept. */
  activities: Map<string, Activity> | undefined = undefined
  private ended: Deque<Activity> | undefined = undefined
  /** Pending activities of the types that reject overlap. */
  pendingByType: Map<string, number> | undefined = undefined
  deadLetters: Map<string, Dead> | undefined = undefined

  private eventLog: EventLog | undefined = undefined
  subscribers: Set<Subscriber> | undefined = undefined
  /** Called after the current step when the info has changed. */
  watchers: Set<() => void> | undefined = undefined
  private waitingForRoom: Deque<() => void> | undefined = undefined
  /** Called when the runtime has closed. */
  onClosed: Array<() => void> | undefined = undefined

  counters: Counters | undefined = undefined
  private fiberContext: Context.Context<never> | undefined = undefined

  constructor(kernel: Kernel, id: AgentRuntimeId.AgentRuntimeId, epoch: number, host: Host, state: unknown) {
    this.kernel = kernel
    this.id = id
    this.epoch = epoch
    this.host = host
    this.state = state
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

  // -- mailbox ---------------------------------------------------------------------------------------------------------

  private get mailbox(): Lanes {
    return (this.lanes ??= makeLanes(this.kernel.config.maxSkips))
  }

  capacityOf(lane: Priority.Priority): number {
    const capacity = this.kernel.config.mailboxCapacity
    return typeof capacity === "number" ? capacity : capacity[lane]
  }

  isFull(lane: Priority.Priority): boolean {
    const waiting = this.lanes === undefined ? 0 : PrioritizedMailbox.sizeUnsafe(this.lanes, lane)
    return waiting + this.reserved[laneIndex(lane)]! >= this.capacityOf(lane)
  }

  reserve(lane: Priority.Priority): void {
    this.reserved[laneIndex(lane)]!++
  }

  unreserve(lane: Priority.Priority): void {
    this.reserved[laneIndex(lane)]!--
  }

  /** Puts an accepted activity in its lane. */
  enqueue(activity: Activity): void {
    activity.status = "accepted"
    activity.queuedAt = this.kernel.clock.currentTimeMillisUnsafe()
    PrioritizedMailbox.offerUnsafe(this.mailbox, activity, activity.priority)
    this.wake()
  }

  /** Lets an accepted activity go before everything in the mailbox. It keeps a place of its lane reserved. */
  enqueueAhead(activity: Activity): void {
    activity.queuedAt = this.kernel.clock.currentTimeMillisUnsafe()
    this.reserve(activity.priority)
    ;(this.ahead ??= new Deque()).push(activity)
    this.wake()
  }

  /** Holds an accepted activity back until `at`. */
  delay(activity: Activity, at: number): void {
    activity.status = "accepted"
    this.reserve(activity.priority)
    ;(this.delayed ??= new Set()).add(activity)
    activity.timer = this.kernel.timers.set(at, () => {
      this.undelay(activity)
      this.enqueue(activity)
    })
  }

  undelay(activity: Activity): void {
    if (this.delayed?.delete(activity) !== true) return
    this.unreserve(activity.priority)
    if (activity.timer !== undefined) this.kernel.timers.cancel(activity.timer)
    activity.timer = undefined
  }

  takeNext(): Activity | undefined {
    const ahead = this.ahead?.shift()
    if (ahead !== undefined) {
      this.unreserve(ahead.priority)
      return ahead
    }
    return this.lanes === undefined ? undefined : PrioritizedMailbox.pollUnsafe(this.lanes)
  }

  /** Takes a waiting activity out of wherever it waits; `false` if it does not wait. */
  withdraw(activity: Activity): boolean {
    if (this.delayed?.has(activity) === true) {
      this.undelay(activity)
      return true
    }
    if (this.ahead?.remove(activity) === true) {
      this.unreserve(activity.priority)
      return true
    }
    if (this.lanes === undefined) return false
    return PrioritizedMailbox.removeUnsafe(this.lanes, (other) => other === activity).length > 0
  }

  /** The first activity waiting in a lane. */
  oldestOf(lane: Priority.Priority): Activity | undefined {
    return this.lanes === undefined ? undefined : this.peekWaiting((activity) => activity.priority === lane)
  }

  /** The first activity of a type that waits in the mailbox. */
  findWaiting(kind: CompiledType): Activity | undefined {
    return this.lanes === undefined ? undefined : this.peekWaiting((activity) => activity.kind === kind)
  }

  private peekWaiting(predicate: (activity: Activity) => boolean): Activity | undefined {
    let found: Activity | undefined
    PrioritizedMailbox.removeUnsafe(this.lanes!, (activity) => {
      if (found === undefined && predicate(activity)) found = activity
      return false
    })
    return found
  }

  get waiting(): number {
    return (this.ahead?.length ?? 0) + (this.lanes === undefined ? 0 : PrioritizedMailbox.sizeUnsafe(this.lanes))
  }

  /** Whether something more urgent than `priority` is waiting. */
  hasMoreUrgent(priority: Priority.Priority): boolean {
    if ((this.ahead?.length ?? 0) > 0) return true
    if (this.lanes === undefined) return false
    for (const lane of Priority.priorities) {
      if (lane === priority) return false
      if (PrioritizedMailbox.sizeUnsafe(this.lanes, lane) > 0) return true
    }
    return false
  }

  /** Senders that wait for room, in order. */
  get senders(): Deque<() => void> {
    return (this.waitingForRoom ??= new Deque())
  }

  /** One waiting sender may try again. */
  madeRoom(): void {
    const resume = this.waitingForRoom?.shift()
    if (resume !== undefined) this.kernel.dispatcher.defer(resume)
  }

  // -- processing ------------------------------------------------------------------------------------------------------

  /** Asks for a turn if there may be something to do. */
  wake(): void {
    if (this.queued || this.current !== undefined || this.phase === "closed") return
    this.queued = true
    this.kernel.dispatcher.enqueue(this)
  }

  turn(budget: number): number {
    this.queued = false
    let done = 0
    while (this.current === undefined && this.phase !== "closed" && !(this.paused && this.phase === "active")) {
      if (done === budget) {
        this.wake()
        return done
      }
      const activity = this.takeNext()
      if (activity === undefined) break
      done++
      if (this.waitingForRoom !== undefined) this.madeRoom()
      process(this, activity)
    }
    if (this.phase === "draining" && this.current === undefined && this.waiting === 0) this.close()
    return done
  }

  // -- receipts --------------------------------------------------------------------------------------------------------

  remember(activity: Activity): void {
    ;(this.activities ??= new Map()).set(activity.id, activity)
    if (activity.kind.definition?.overlap === "reject") {
      const pending = (this.pendingByType ??= new Map())
      pending.set(activity.type, (pending.get(activity.type) ?? 0) + 1)
    }
  }

  /** Keeps the receipt of an ended activity, and forgets those past retention. */
  retain(activity: Activity): void {
    if (activity.kind.definition?.overlap === "reject") {
      const pending = this.pendingByType!
      pending.set(activity.type, pending.get(activity.type)! - 1)
    }
    const ended = (this.ended ??= new Deque())
    ended.push(activity)
    const { config, millis } = this.kernel
    while (ended.length > config.receiptRetention) this.forget(ended.shift()!)
    const oldest = activity.endedAt - millis.receiptTimeToLive
    for (let first = ended.at(0); first !== undefined && first.endedAt < oldest; first = ended.at(0)) {
      this.forget(ended.shift()!)
    }
  }

  private forget(activity: Activity): void {
    // A replayed dead letter has the same id: its receipt is the pending one's.
    if (this.activities?.get(activity.id) === activity) this.activities.delete(activity.id)
  }

  find(activityId: string): Activity | undefined {
    const activity = this.activities?.get(activityId)
    if (activity === undefined || activity.exit === undefined) return activity
    const age = this.kernel.clock.currentTimeMillisUnsafe() - activity.endedAt
    return age > this.kernel.millis.receiptTimeToLive ? undefined : activity
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

  get log(): EventLog {
    return (this.eventLog ??= new EventLog(this.kernel.config.logRetention, this.sequence + 1))
  }

  get running() {
    return this.current === undefined || this.attempt === undefined
      ? undefined
      : { activity: this.current, emitted: this.attempt.emitted }
  }

  publish(event: Logged): void {
    this.log.append(event)
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

  // -- life ------------------------------------------------------------------------------------------------------------

  /** The last step of a life: what is left is settled, subscribers get `End`, nothing stays. */
  close(): void {
    if (this.phase === "closed") return
    this.phase = "draining"
    this.failWaiting()
    this.phase = "closed"
    if (this.subscribers !== undefined) for (const subscriber of this.subscribers) subscriber.end(this.reason)
    this.subscribers = undefined
    this.lanes = undefined
    this.kernel.unlink(this)
    this.changed()
    this.watchers = undefined
    this.rejectSenders()
    for (const notify of this.onClosed ?? []) this.kernel.dispatcher.defer(notify)
    this.onClosed = undefined
  }

  /** Lets every sender that waits for room try again, and be told that the runtime ends. */
  rejectSenders(): void {
    for (let next = this.waitingForRoom?.shift(); next !== undefined; next = this.waitingForRoom?.shift()) {
      this.kernel.dispatcher.defer(next)
    }
  }

  /** Cancels what is held back: delayed activities and pending retries do not outlive a terminate. */
  cancelDelayed(): void {
    for (const activity of this.delayed ?? []) {
      this.undelay(activity)
      settleUnstarted(this, activity, "cancelled", AgentError.ActivityCancelled.of(activity.id))
    }
  }

  /** Fails everything that waits: the runtime ends without processing it. */
  failWaiting(): void {
    this.cancelDelayed()
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) {
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
    const counters = this.counters ?? noCounters
    const now = this.kernel.clock.currentTimeMillisUnsafe()
    const lane = (name: Priority.Priority): AgentRuntimeState.Lane => {
      const oldest = this.oldestOf(name)
      const size = this.lanes === undefined ? 0 : PrioritizedMailbox.sizeUnsafe(this.lanes, name)
      return {
        size,
        capacity: this.capacityOf(name),
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
      metrics: {
        processed: counters.processed,
        failed: {
          declared: counters.declared,
          undeclared: counters.undeclared,
          defect: counters.defect,
          timeout: counters.timeout,
          interrupted: counters.interrupted
        },
        expired: counters.expired,
        cancelled: counters.cancelled,
        superseded: counters.superseded,
        retried: counters.retried,
        inFlight: this.current === undefined ? 0 : 1,
        delayed: this.delayed?.size ?? 0,
        deadLetters: this.deadLetters?.size ?? 0,
        restarts: counters.restarts,
        meanQueueWaitMillis: counters.started === 0 ? 0 : counters.queueWait / counters.started,
        meanProcessingMillis: counters.started === 0 ? 0 : counters.processing / counters.started
      },
      mailbox: { lanes: { urgent: lane("urgent"), standard: lane("standard"), background: lane("background") } },
      subscribers: Array.from(this.subscribers ?? [], (subscriber) => subscriber.info),
      ...(this.lastError === undefined ? {} : { lastError: this.lastError })
    }
  }

  get count(): Counters {
    return (this.counters ??= { ...noCounters })
  }
}

const laneIndex = (lane: Priority.Priority): 0 | 1 | 2 => (lane === "urgent" ? 0 : lane === "standard" ? 1 : 2)

const noCounters: Counters = {
  processed: 0,
  declared: 0,
  undeclared: 0,
  defect: 0,
  timeout: 0,
  interrupted: 0,
  expired: 0,
  cancelled: 0,
  superseded: 0,
  retried: 0,
  restarts: 0,
  started: 0,
  queueWait: 0,
  processing: 0
}
