import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { Priority } from "@agent-runtime/schema"
import type { Activity } from "./activity.ts"
import { Deque } from "./deque.ts"
import type { CompiledType } from "./host.ts"
import type { Kernel } from "./kernel.ts"

/** Room is checked when an activity is accepted, together with the places reserved: what was accepted always fits. */
const makeLanes = (maxSkips: number) =>
  PrioritizedMailbox.makeUnsafe<Activity>({ lanes: Priority.priorities, scheduling: { maxSkips } })

const laneIndex = (lane: Priority.Priority): 0 | 1 | 2 => (lane === "urgent" ? 0 : lane === "standard" ? 1 : 2)

/**
 * Where the accepted activities of one runtime wait: in the mailbox, ahead of it, or held back until they are due.
 *
 * Invariant: an activity that waits is in exactly one of the three, and takes one place of its lane's capacity in each.
 */
export class WaitingRoom {
  private readonly kernel: Kernel
  private readonly onReady: () => void
  private readonly lanes: ReturnType<typeof makeLanes>
  /** Places taken in each lane by activities that are not in it now: being accepted, held back, or ahead. */
  private readonly reserved: [urgent: number, standard: number, background: number] = [0, 0, 0]
  /** Those that interrupted what ran: they go before everything in the mailbox. */
  private ahead: Deque<Activity> | undefined = undefined
  /** Delayed activities and pending retries. */
  private held: Set<Activity> | undefined = undefined
  private waitingSenders: Deque<() => void> | undefined = undefined

  constructor(kernel: Kernel, onReady: () => void) {
    this.kernel = kernel
    this.onReady = onReady
    this.lanes = makeLanes(kernel.config.maxSkips)
  }

  /** How many could be processed now. */
  get ready(): number {
    return (this.ahead?.length ?? 0) + PrioritizedMailbox.sizeUnsafe(this.lanes)
  }

  /** How many are held back until they are due. */
  get delayed(): number {
    return this.held?.size ?? 0
  }

  size(lane: Priority.Priority): number {
    return PrioritizedMailbox.sizeUnsafe(this.lanes, lane)
  }

  isFull(lane: Priority.Priority): boolean {
    return this.size(lane) + this.reserved[laneIndex(lane)]! >= this.capacity(lane)
  }

  capacity(lane: Priority.Priority): number {
    const { mailboxCapacity } = this.kernel.config
    return typeof mailboxCapacity === "number" ? mailboxCapacity : mailboxCapacity[lane]
  }

  reserve(lane: Priority.Priority): void {
    this.reserved[laneIndex(lane)]!++
  }

  unreserve(lane: Priority.Priority): void {
    this.reserved[laneIndex(lane)]!--
  }

  enqueue(activity: Activity): void {
    activity.queuedAt = this.kernel.clock.currentTimeMillisUnsafe()
    PrioritizedMailbox.offerUnsafe(this.lanes, activity, activity.priority)
    this.onReady()
  }

  enqueueAhead(activity: Activity): void {
    activity.queuedAt = this.kernel.clock.currentTimeMillisUnsafe()
    this.reserve(activity.priority)
    ;(this.ahead ??= new Deque()).push(activity)
    this.onReady()
  }

  /** Holds an activity back until `at`, in milliseconds since the Unix epoch. */
  hold(activity: Activity, at: number): void {
    this.reserve(activity.priority)
    ;(this.held ??= new Set()).add(activity)
    activity.timer = this.kernel.timers.set(at, () => {
      this.unhold(activity)
      this.enqueue(activity)
    })
  }

  private unhold(activity: Activity): boolean {
    if (this.held?.delete(activity) !== true) return false
    this.unreserve(activity.priority)
    if (activity.timer !== undefined) this.kernel.timers.cancel(activity.timer)
    activity.timer = undefined
    return true
  }

  /** The activity that goes next, taken out. */
  take(): Activity | undefined {
    const ahead = this.ahead?.shift()
    if (ahead !== undefined) this.unreserve(ahead.priority)
    const next = ahead ?? PrioritizedMailbox.pollUnsafe(this.lanes)
    if (next !== undefined && this.waitingSenders !== undefined) this.madeRoom()
    return next
  }

  /** Takes an activity out of wherever it waits; `false` if it does not wait. */
  withdraw(activity: Activity): boolean {
    if (this.unhold(activity)) return true
    if (this.ahead?.remove(activity) === true) {
      this.unreserve(activity.priority)
      return true
    }
    return PrioritizedMailbox.removeUnsafe(this.lanes, (other) => other === activity).length > 0
  }

  /** Takes out what is held back. */
  takeHeld(): ReadonlyArray<Activity> {
    const held = Array.from(this.held ?? [])
    for (const activity of held) this.unhold(activity)
    return held
  }

  /** The first activity in a lane. */
  oldest(lane: Priority.Priority): Activity | undefined {
    return this.size(lane) === 0 ? undefined : this.first((activity) => activity.priority === lane)
  }

  /** The first activity of a type in the mailbox. */
  find(kind: CompiledType): Activity | undefined {
    return this.first((activity) => activity.kind === kind)
  }

  private first(predicate: (activity: Activity) => boolean): Activity | undefined {
    let found: Activity | undefined
    PrioritizedMailbox.removeUnsafe(this.lanes, (activity) => {
      if (found === undefined && predicate(activity)) found = activity
      return false
    })
    return found
  }

  /** Whether something more urgent than `priority` could be processed now. */
  hasMoreUrgent(priority: Priority.Priority): boolean {
    if ((this.ahead?.length ?? 0) > 0) return true
    for (const lane of Priority.priorities) {
      if (lane === priority) return false
      if (this.size(lane) > 0) return true
    }
    return false
  }

  /** Senders that wait for room, in order. */
  get senders(): Deque<() => void> {
    return (this.waitingSenders ??= new Deque())
  }

  /** One waiting sender may try again. */
  madeRoom(): void {
    const resume = this.waitingSenders?.shift()
    if (resume !== undefined) this.kernel.dispatcher.defer(resume)
  }

  /** Every waiting sender tries again, to be told that the runtime takes no more. */
  releaseSenders(): void {
    while ((this.waitingSenders?.length ?? 0) > 0) this.madeRoom()
  }
}
