import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { Priority } from "@agent-runtime/schema"
import type { Activity } from "./activity.ts"
import { Deque } from "./deque.ts"
import type { Kernel } from "./kernel.ts"

/** Room is checked when an activity is accepted: what was accepted always fits. */
const makeLanes = (maxSkips: number) =>
  PrioritizedMailbox.makeUnsafe<Activity>({ lanes: Priority.priorities, scheduling: { maxSkips } })

const laneIndex = (lane: Priority.Priority): 0 | 1 | 2 => (lane === "standard" ? 1 : lane === "urgent" ? 0 : 2)

/** A sender that waits for a place. */
interface Sender {
  readonly take: () => void
}

/** The senders that wait for a place in one lane. */
class Senders extends Deque<Sender> {
  /** Places are being handed over. */
  areServed = false
  /** When the last one was, in milliseconds since the manager started. */
  servedAt = Number.NEGATIVE_INFINITY
}

/** Whose waiting room it is. */
interface Owner {
  /** Something may be taken. */
  wake(): void
  /** An activity that was held back has entered its lane. */
  cameDue(activity: Activity): void
}

/**
 * Where the accepted activities of one runtime wait: in the mailbox, ahead of it, or held back until they are due.
 *
 * Invariant: an activity takes one place of its lane from its acceptance until it is taken to be processed; `places`
 * counts them, and bounds all three together. Where senders wait for a lane, its next place is the first one's.
 */
export class WaitingRoom {
  private readonly kernel: Kernel
  private readonly owner: Owner
  private mailbox: ReturnType<typeof makeLanes> | undefined = undefined
  /** The only one that waits for its turn, where there is just one: it need not go through the mailbox. */
  private only: Activity | undefined = undefined
  private readonly places: [urgent: number, standard: number, background: number] = [0, 0, 0]
  private inLanes = 0
  /** Those that interrupted what ran: they go before everything in the mailbox. */
  private ahead: Deque<Activity> | undefined = undefined
  /** Delayed activities and pending retries. */
  private held: Set<Activity> | undefined = undefined
  private senders: ReadonlyArray<Senders> | undefined = undefined

  constructor(kernel: Kernel, owner: Owner) {
    this.kernel = kernel
    this.owner = owner
  }

  /** The mailbox, with everything in it that waits for its turn. */
  private get lanes(): ReturnType<typeof makeLanes> {
    const lanes = (this.mailbox ??= makeLanes(this.kernel.config.maxSkips))
    const { only } = this
    if (only !== undefined) {
      this.only = undefined
      PrioritizedMailbox.offerUnsafe(lanes, only, only.priority)
    }
    return lanes
  }

  /** How many could be processed now. */
  get ready(): number {
    return this.inLanes + (this.ahead === undefined ? 0 : this.ahead.length)
  }

  /** How many are held back until they are due. */
  get delayed(): number {
    return this.held?.size ?? 0
  }

  size(lane: Priority.Priority): number {
    return PrioritizedMailbox.sizeUnsafe(this.lanes, lane)
  }

  capacity(lane: Priority.Priority): number {
    const { mailboxCapacity } = this.kernel.config
    return typeof mailboxCapacity === "number" ? mailboxCapacity : mailboxCapacity[lane]
  }

  // -- places ----------------------------------------------------------------------------------------------------------

  /** Takes a place; `false` if there is none, or senders wait for it. */
  enter(lane: Priority.Priority): boolean {
    const index = laneIndex(lane)
    if (this.places[index] >= this.capacity(lane)) return false
    if (this.senders !== undefined && this.senders[index]!.length > 0) return false
    this.places[index]++
    return true
  }

  /** Takes a place that is owed: of what was accepted before. */
  reenter(lane: Priority.Priority): void {
    this.places[laneIndex(lane)]++
  }

  /** Gives a place back, to the first sender that waits for it. */
  leave(lane: Priority.Priority): void {
    const index = laneIndex(lane)
    this.places[index]--
    if (this.senders === undefined) return
    const senders = this.senders[index]!
    // A sender that has no use for its place gives it back from within: it is for the next one.
    if (senders.areServed) return
    senders.areServed = true
    try {
      while (senders.length > 0 && this.places[index] < this.capacity(lane)) {
        this.places[index]++
        senders.servedAt = this.kernel.now()
        senders.shift()!.take()
      }
    } finally {
      senders.areServed = false
    }
  }

  /** Waits for a place, in order: `take` is called with the place taken, at once where there is one. Answers how to stop waiting. */
  queueSender(lane: Priority.Priority, take: () => void): () => void {
    if (this.enter(lane)) {
      take()
      return () => undefined
    }
    const senders = (this.senders ??= [new Senders(), new Senders(), new Senders()])[laneIndex(lane)]!
    const sender: Sender = { take }
    senders.push(sender)
    return () => {
      senders.remove(sender)
    }
  }

  /** When a sender that waits for this lane was last given a place, in milliseconds since the manager started. */
  servedAt(lane: Priority.Priority): number {
    return this.senders?.[laneIndex(lane)]?.servedAt ?? Number.NEGATIVE_INFINITY
  }

  /** Every waiting sender tries, to be told that the runtime takes no more. */
  releaseSenders(): void {
    for (const lane of Priority.priorities) {
      const senders = this.senders?.[laneIndex(lane)]
      const all = senders?.toArray() ?? []
      // First: each would hand its place to the next, who is told here.
      senders?.clear()
      for (const { take } of all) {
        this.reenter(lane)
        take()
      }
    }
  }

  // -- waiting ---------------------------------------------------------------------------------------------------------

  enqueue(activity: Activity): void {
    if (this.inLanes++ === 0) this.only = activity
    else PrioritizedMailbox.offerUnsafe(this.lanes, activity, activity.priority)
    this.owner.wake()
  }

  enqueueAhead(activity: Activity): void {
    ;(this.ahead ??= new Deque()).push(activity)
    this.owner.wake()
  }

  /** Holds an activity back until `at`, in milliseconds since the manager started. */
  hold(activity: Activity, at: number): void {
    ;(this.held ??= new Set()).add(activity)
    activity.rare.timer = this.kernel.timers.set(at, () => {
      this.unhold(activity)
      activity.since = this.kernel.now()
      this.enqueue(activity)
      this.owner.cameDue(activity)
    })
  }

  private unhold(activity: Activity): boolean {
    if (this.held?.delete(activity) !== true) return false
    const { rare } = activity
    if (rare.timer !== undefined) this.kernel.timers.cancel(rare.timer)
    rare.timer = undefined
    return true
  }

  /** The activity that goes next, taken out. */
  take(): Activity | undefined {
    let next = this.ahead?.shift()
    if (next === undefined) {
      if (this.inLanes === 0) return undefined
      this.inLanes--
      next = this.only ?? PrioritizedMailbox.pollUnsafe(this.lanes)!
      this.only = undefined
    }
    this.leave(next.priority)
    return next
  }

  /** Takes an activity out of wherever it waits; `false` if it does not wait. With `keepsPlace` another has its place. */
  withdraw(activity: Activity, keepsPlace = false): boolean {
    if (!this.unhold(activity) && this.ahead?.remove(activity) !== true) {
      if (PrioritizedMailbox.removeUnsafe(this.lanes, (other) => other === activity).length === 0) return false
      this.inLanes--
    }
    if (!keepsPlace) this.leave(activity.priority)
    return true
  }

  /** Takes out what is held back. */
  takeHeld(): ReadonlyArray<Activity> {
    const held = Array.from(this.held ?? [])
    for (const activity of held) this.withdraw(activity)
    return held
  }

  // -- looking ---------------------------------------------------------------------------------------------------------

  /** The first activity in a lane. */
  oldest(lane: Priority.Priority): Activity | undefined {
    return this.size(lane) === 0 ? undefined : this.first((activity) => activity.priority === lane)
  }

  /** The first activity that waits and fits, what is held back last. */
  find(predicate: (activity: Activity) => boolean): Activity | undefined {
    return this.ahead?.toArray().find(predicate) ?? this.first(predicate) ?? Array.from(this.held ?? []).find(predicate)
  }

  /** The first activity in the mailbox that fits. */
  first(predicate: (activity: Activity) => boolean): Activity | undefined {
    let found: Activity | undefined
    PrioritizedMailbox.removeUnsafe(this.lanes, (activity) => {
      if (found === undefined && predicate(activity)) found = activity
      return false
    })
    return found
  }

  /** Whether something more urgent than `priority` could be processed now. */
  hasMoreUrgent(priority: Priority.Priority): boolean {
    if (this.ahead !== undefined && this.ahead.length > 0) return true
    for (const lane of Priority.priorities) {
      if (lane === priority) return false
      if (this.size(lane) > 0) return true
    }
    return false
  }
}
