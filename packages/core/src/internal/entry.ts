import {
  type Agent,
  type AgentEvent,
  AgentError,
  type AgentRuntimeId,
  type AgentRuntimeState,
  type Priority,
  type Receipt
} from "@agent-runtime/schema"
import { Context, Effect, Exit, type Fiber } from "effect"
import type { DeadLetter } from "../AgentRuntime.ts"
import { replaceOlder } from "./accept.ts"
import { Activity } from "./activity.ts"
import { Broadcast } from "./broadcast.ts"
import type { Attempt, Outgoing } from "./attempt.ts"
import { Counters } from "./counters.ts"
import type { Runnable } from "./dispatcher.ts"
import { History } from "./history.ts"
import { CurrentEntry, type Host } from "./host.ts"
import { type Journal, notHeld } from "./journal.ts"
import type { Kernel } from "./kernel.ts"
import { type Delivery, giveUp, stopDelivering } from "./outbox.ts"
import { countRestart, process, restart, settleWaiting } from "./processing.ts"
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

/** The id of an activity; under one id something may have been sent to several runtimes. */
export const keyOf = ({ letter, of }: Dead): string =>
  of instanceof Activity ? letter.activityId : `${letter.activityId}/${of.runtimeId}`

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
  phase: Phase = "active"
  paused = false
  /** What subscribers are told when this life ends. */
  reason: AgentEvent.End["reason"] = "terminated"
  /** The last activity ended in a defect, a timeout, an undeclared failure or used-up retries. */
  failing = false
  lastError: AgentRuntimeState.LastError | undefined = undefined

  /** What runs, or is about to once its start is written. */
  attempt: Attempt | undefined = undefined
  /** An attempt whose activity has ended, but whose fiber has yet to let go: nothing else runs until then. */
  lingering: Attempt | undefined = undefined
  /** What waits is failed instead of processed: a terminate will not wait for it. */
  immediate = false
  /** Once its end has begun: when what has not ended is interrupted, or abandoned. Milliseconds since the manager started. */
  endsBy = 0
  /** The end is being written. */
  private finishing = false
  /** In the dispatcher's ready queue. */
  private queued = false

  private waitingRoom: WaitingRoom | undefined = undefined
  private past: History | undefined = undefined
  /** Reads what had ended before this process took the runtime over; none where it is in `history`, or nothing had. */
  recall: Effect.Effect<void, AgentError.StoreUnavailable> | undefined = undefined
  private counters: Counters | undefined = undefined
  private runFork: (<A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>) | undefined = undefined
  /** By their keys, oldest first. */
  deadLetters: Map<string, Dead> | undefined = undefined
  /** What its workflow sent and is not delivered yet. */
  undelivered: Map<Outgoing, Delivery> | undefined = undefined
  /** Its subscribers, while it has any. */
  broadcast: Broadcast | undefined = undefined
  /** Called when the info has changed. */
  watchers: Set<() => void> | undefined = undefined
  /** Called after each committed event. */
  onCommitted: (() => void) | undefined = undefined
  /** When it last took an activity or ended one, in milliseconds since the manager started. */
  usedAt = 0
  /** Called when the runtime has closed. */
  onClosed: Set<() => void> | undefined = undefined

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
    this.journal = journal
    if (journal !== undefined) journal.entry = this
  }

  get agent(): Agent.Any {
    return this.host.agent
  }

  /** Milliseconds since the manager started. */
  get now(): number {
    return this.kernel.now()
  }

  /** Runs an effect in a fiber of its own, with the services of the workflow and this runtime as the current one. */
  run<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    const run = (this.runFork ??= Effect.runForkWith(Context.add(this.host.context, CurrentEntry, this)))
    return run(effect)
  }

  /** The activity that runs. */
  get current(): Activity | undefined {
    return this.attempt?.activity
  }

  /** Nothing runs any more, if it was this activity that did; answers its attempt. */
  stopRunning(activity: Activity): Attempt | undefined {
    const { attempt } = this
    if (attempt === undefined || attempt.activity !== activity) return undefined
    this.attempt = undefined
    return attempt
  }

  // Made on first use: an idle runtime is small.
  get waiting(): WaitingRoom {
    return (this.waitingRoom ??= new WaitingRoom(this.kernel, this))
  }
  get history(): History {
    return (this.past ??= new History(this.kernel, this.sequence + 1))
  }
  get count(): Counters {
    return (this.counters ??= new Counters())
  }

  // -- processing ------------------------------------------------------------------------------------------------------

  /** Asks for a turn if there may be something to do. */
  wake(): void {
    if (this.queued || this.attempt !== undefined || this.isOver) return
    this.queued = true
    this.kernel.dispatcher.enqueue(this)
  }

  cameDue(activity: Activity): void {
    if (this.watchers !== undefined) this.changed()
    // A retry goes on with what began before: it replaces nothing.
    if (activity.kind.definition?.overlap === "coalesce" && activity.attempts === 0) replaceOlder(this, activity)
  }

  turn(budget: number): number {
    this.queued = false
    let done = 0
    const { dispatcher } = this.kernel
    if (this.immediate) this.failWaiting()
    while (this.canStart) {
      if (done === budget) {
        this.wake()
        return done
      }
      const activity = this.waitingRoom?.take()
      if (activity === undefined) break
      done++
      try {
        process(this, activity, dispatcher.now)
      } catch (defect) {
        this.processingDied(activity, defect)
      }
    }
    this.closeIfDrained()
    return done
  }

  /** The runtime goes on without the activity that broke its processing. */
  private processingDied(activity: Activity, defect: unknown): void {
    const attempt = this.attempt
    if (attempt?.activity === activity) return restart(this, attempt, defect)
    settleWaiting(this, activity, "failed", AgentError.WorkflowDefect.of(activity.id, String(defect)))
    countRestart(this)
  }

  private get canStart(): boolean {
    if (this.attempt !== undefined || this.lingering !== undefined || this.isOver || this.parking) return false
    return !this.paused || this.isEnding
  }

  /** What waits is left to the store: this process lets go of the runtime. */
  get parking(): boolean {
    return this.journal !== undefined && this.reason === "shutdown"
  }

  /** Whether this life ends: what waits is not left to the store. */
  get isEnding(): boolean {
    return this.phase !== "active" && !this.parking
  }

  /** Whether this life, or this process's part in it, has ended. */
  get isOver(): boolean {
    return this.phase === "closed" || this.phase === "passivated"
  }

  /** Why it takes nothing more, once it is no longer active. */
  get refusal(): AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable {
    return this.parking ? notHeld(this.id) : AgentError.AgentRuntimeTerminated.of(this.id)
  }

  /** Nothing waits, runs, or is being written or delivered. */
  get isQuiet(): boolean {
    return (
      this.attempt === undefined &&
      this.lingering === undefined &&
      (this.parking || ((this.waitingRoom?.ready ?? 0) === 0 && !this.isDelivering)) &&
      (this.journal === undefined || this.journal.isIdle)
    )
  }

  /** What its workflow sent has not arrived yet. */
  get isDelivering(): boolean {
    return this.undelivered !== undefined && this.undelivered.size > 0
  }

  // -- receipts --------------------------------------------------------------------------------------------------------

  find(activityId: string): Activity | undefined {
    // The id of a dead letter is taken for as long as it may be replayed.
    const known = this.history.find(activityId) ?? this.deadLetters?.get(activityId)?.of
    if (known instanceof Activity) return known
    // Ids made up here are not kept in a table: look where the activity may be.
    const serial = this.kernel.ids.parse(activityId)
    if (serial === 0) return undefined
    if (this.attempt?.activity.serial === serial) return this.attempt.activity
    return this.waitingRoom?.find((activity) => activity.serial === serial)
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
    if (activity.sequence !== 0) receipt.sequence = activity.sequence
    if (activity.exit !== undefined && Exit.isSuccess(activity.exit)) {
      const reply = activity.kind.encodeReply(activity.exit.value)
      if (reply !== undefined) receipt.reply = reply
    }
    if (activity.error !== undefined) receipt.error = activity.error
    return receipt
  }

  /** Keeps what cannot be processed, the newest up to the configured capacity. */
  bury(dead: Dead): void {
    const letters = (this.deadLetters ??= new Map<string, Dead>())
    const key = keyOf(dead)
    this.exhume(letters, key)
    letters.set(key, dead)
    if (letters.size > this.kernel.config.deadLetterCapacity) this.forgetOldest(letters)
    this.changed()
  }

  /** Nobody will see it any more: this is said where the operator looks. */
  private forgetOldest(letters: Map<string, Dead>): void {
    const [key, { letter }] = letters.entries().next().value!
    this.exhume(letters, key)
    const { activityId, error, type } = letter
    const what = `"${this.id}" keeps ${letters.size} dead letters, and forgot "${type}" ${activityId}: ${error._tag}: ${error.message}`
    this.kernel.fork(Effect.logWarning(what), this.kernel.context)
  }

  /** Forgets a dead letter for another, in the store too. */
  private exhume(letters: Map<string, Dead>, key: string): void {
    const dead = letters.get(key)
    if (dead === undefined) return
    letters.delete(key)
    this.journal?.push({ change: () => ({ exhume: [dead.position] }), apply: () => undefined })
  }

  // -- events ----------------------------------------------------------------------------------------------------------

  register(subscriber: Subscriber): void {
    const broadcast = (this.broadcast ??= new Broadcast(this.kernel.dispatcher))
    broadcast.subscribers.add(subscriber)
    this.changed()
  }

  release(subscriber: Subscriber): void {
    const { broadcast } = this
    if (broadcast === undefined || !broadcast.subscribers.delete(subscriber)) return
    if (broadcast.subscribers.size === 0) this.broadcast = undefined
    this.changed()
  }

  flush(): void {
    this.broadcast?.flush()
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
    if (this.parking) return this.close()
    this.finishing = true
    const { journal } = this
    // What is being written may send something.
    if (journal === undefined || journal.isIdle) this.writeEnd()
    else journal.afterwards(() => this.writeEnd())
  }

  /** Nobody delivers any more what it sent: what is left goes with its dead letters. */
  private writeEnd(): void {
    giveUp(this)
    if (this.journal === undefined) this.close()
    else this.journal.push({ change: () => ({ terminated: true }), apply: () => this.close() })
  }

  /** The last step of a life in this process: subscribers get `End`, who waits for the end is told, nothing stays. */
  close(): void {
    if (this.isOver) return
    // Its handles open again what lives on in the store.
    this.phase = this.parking ? "passivated" : "closed"
    this.flush()
    for (const subscriber of this.broadcast?.subscribers ?? []) subscriber.end(this.reason)
    this.broadcast = undefined
    this.waitingRoom?.releaseSenders()
    stopDelivering(this)
    this.detach()
    this.kernel.unlink(this)
    this.changed()
    this.watchers = undefined
    for (const notify of this.onClosed ?? []) this.kernel.dispatcher.defer(notify)
    this.onClosed = undefined
    this.journal?.stop()
  }

  /** Tells who waits for a pending activity that this process will not see its end. */
  detach(): void {
    const lost = notHeld(this.id)
    const pending = [...(this.waitingRoom?.takeHeld() ?? [])]
    if (this.attempt !== undefined) pending.push(this.attempt.activity)
    for (const activity of this.past?.unsettled.keys() ?? []) pending.push(activity)
    for (let next = this.waitingRoom?.take(); next !== undefined; next = this.waitingRoom?.take()) pending.push(next)
    for (const activity of pending) {
      activity.rare.lost = lost
      activity.tellWaiters(this.kernel.dispatcher)
    }
  }

  /** Holds an activity back until it is due; a terminate that came meanwhile cancels it. */
  hold(activity: Activity, due: number): void {
    this.waiting.hold(activity, due)
    if (this.isEnding) this.cancelHeld()
  }

  /** Cancels what is held back: delayed activities and pending retries do not outlive a terminate. */
  cancelHeld(): void {
    for (const activity of this.waitingRoom?.takeHeld() ?? []) {
      settleWaiting(this, activity, "cancelled", AgentError.ActivityCancelled.of(activity.id))
    }
  }

  /** Fails everything that waits: the runtime ends without processing it. */
  failWaiting(): void {
    this.cancelHeld()
    for (let next = this.waitingRoom?.take(); next !== undefined; next = this.waitingRoom?.take()) {
      settleWaiting(this, next, "failed", AgentError.AgentRuntimeTerminated.of(this.id))
    }
  }

  // -- info ------------------------------------------------------------------------------------------------------------

  get status(): AgentRuntimeState.Status {
    if (this.phase === "closed") return "terminated"
    if (this.phase === "draining") return "draining"
    if (this.paused) return "paused"
    if (this.isInFlight || this.isAboutToStart) return "processing"
    return this.failing ? "error" : "idle"
  }

  /** Something runs, or has run and its end is being written. */
  private get isInFlight(): boolean {
    return this.attempt !== undefined || (this.past?.unsettled.size ?? 0) > 0
  }

  /** It is between two activities, or about to begin. */
  private get isAboutToStart(): boolean {
    return this.queued && this.canStart && (this.waitingRoom?.ready ?? 0) > 0
  }

  get info(): AgentRuntimeState.RuntimeInfo {
    this.flush()
    const { now, waiting } = this
    const lane = (name: Priority.Priority): AgentRuntimeState.Lane => {
      const oldest = waiting.oldest(name)
      return {
        size: waiting.size(name),
        capacity: waiting.capacity(name),
        ...(oldest === undefined ? {} : { oldestWaitMillis: now - oldest.since })
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
        inFlight: this.isInFlight ? 1 : 0,
        delayed: waiting.delayed,
        deadLetters: this.deadLetters?.size ?? 0
      }),
      mailbox: { lanes: { urgent: lane("urgent"), standard: lane("standard"), background: lane("background") } },
      subscribers: Array.from(this.broadcast?.subscribers ?? [], (subscriber) => subscriber.info),
      ...(this.lastError === undefined ? {} : { lastError: this.lastError })
    }
  }
}
