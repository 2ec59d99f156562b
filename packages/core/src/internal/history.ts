import type { Activity } from "./activity.ts"
import type { Attempt } from "./attempt.ts"
import { Deque } from "./deque.ts"
import type { Kernel } from "./kernel.ts"

/**
 * The one log of a runtime: its ended activities in the order of their sequences. An entry is both the event that
 * subscribers replay and the receipt that senders look up, as far back as either is kept.
 *
 * Invariant: sequences are consecutive, and the newest kept is `next - 1`. `named` holds the activities whose ids their
 * senders gave, pending ones and those in the log.
 */
export class History {
  private readonly kernel: Kernel
  private readonly ended = new Deque<Activity>()
  private named: Map<string, Activity> | undefined = undefined
  /** Activities whose end, or return to the mailbox, is being written; with the attempt that ran, if one did. */
  private settling: Map<Activity, Attempt | undefined> | undefined = undefined
  /** Pending activities of the types that reject overlap, by type. */
  private rejecting: Map<string, number> | undefined = undefined
  private next: number

  constructor(kernel: Kernel, next: number) {
    this.kernel = kernel
    this.next = next
  }

  // -- receipts --------------------------------------------------------------------------------------------------------

  /** A new activity is pending. */
  add(activity: Activity): void {
    if (activity.serial === 0) (this.named ??= new Map()).set(activity.id, activity)
    if (activity.kind.rejectsOverlap) this.countRejecting(activity.type, 1)
  }

  /** It was not accepted after all: its id is that of `before` again, if another had it. */
  retract(activity: Activity, before?: Activity): void {
    if (this.named?.get(activity.id) === activity) {
      if (before === undefined) this.named.delete(activity.id)
      else this.named.set(activity.id, before)
    }
    if (activity.kind.rejectsOverlap) this.countRejecting(activity.type, -1)
  }

  /** It is neither in the mailbox nor in the log while what becomes of it is being written, and is not yet over. */
  beginSettling(activity: Activity, attempt: Attempt | undefined): void {
    ;(this.settling ??= new Map()).set(activity, attempt)
  }

  endSettling(activity: Activity): void {
    this.settling?.delete(activity)
  }

  /** What is being settled; the next attempt may be about to start, but has done nothing yet. */
  get unsettled(): ReadonlyMap<Activity, Attempt | undefined> {
    return this.settling ?? none
  }

  /** An activity that was given this id, or has ended with it, while its receipt is kept. */
  find(id: string): Activity | undefined {
    const named = this.named?.get(id)
    const serial = named === undefined ? this.kernel.ids.parse(id) : 0
    const activity = named ?? (serial === 0 ? undefined : this.findUnlisted(serial))
    if (activity === undefined || activity.exit === undefined) return activity
    const { config, millis } = this.kernel
    const isKept =
      activity.sequence >= this.next - config.receiptRetention &&
      this.kernel.now() - activity.since <= millis.receiptTimeToLive
    return isKept ? activity : undefined
  }

  private findUnlisted(serial: number): Activity | undefined {
    for (const activity of this.unsettled.keys()) if (activity.serial === serial) return activity
    for (let i = this.ended.length - 1; i >= 0; i--) {
      const activity = this.ended.at(i)!
      if (activity.serial === serial) return activity
    }
    return undefined
  }

  /** Whether an activity of a type that rejects overlap is pending. */
  isPending(type: string): boolean {
    return (this.rejecting?.get(type) ?? 0) > 0
  }

  private countRejecting(type: string, change: number): void {
    const rejecting = (this.rejecting ??= new Map())
    rejecting.set(type, (rejecting.get(type) ?? 0) + change)
  }

  // -- log -------------------------------------------------------------------------------------------------------------

  /** An activity has ended, and takes the next sequence. */
  append(activity: Activity): void {
    if (activity.kind.rejectsOverlap) this.countRejecting(activity.type, -1)
    const { ended } = this
    this.next = activity.sequence + 1
    if (this.kernel.historyRetention === 0) return this.forget(activity)
    ended.push(activity)
    if (activity.serial === 0) (this.named ??= new Map()).set(activity.id, activity)
    if (ended.length > this.kernel.historyRetention) this.forget(ended.shift()!)
  }

  /** Puts what ended before this process took the runtime over, oldest first, before what has ended since. */
  recall(older: ReadonlyArray<Activity>): void {
    const { ended } = this
    const newer = ended.toArray()
    const first = this.next - newer.length
    const all = older.filter(({ sequence }) => sequence < first).concat(newer)
    ended.clear()
    for (const activity of all.slice(-this.kernel.historyRetention)) ended.push(activity)
    // An id that was used again belongs to the later one, which may be pending.
    for (let i = ended.length - newer.length - 1; i >= 0; i--) {
      const activity = ended.at(i)!
      const named = (this.named ??= new Map())
      if (activity.serial === 0 && !named.has(activity.id)) named.set(activity.id, activity)
    }
  }

  private forget(activity: Activity): void {
    // A replayed dead letter has the id of one that ended: the map then holds the later one.
    if (activity.serial === 0 && this.named?.get(activity.id) === activity) this.named.delete(activity.id)
  }

  /** The sequence of the oldest event that can be replayed, or of the next one if none can. */
  get oldest(): number {
    return this.next - Math.min(this.ended.length, this.kernel.config.logRetention)
  }

  /** The ended activity with a sequence, if it is kept. */
  at(sequence: number): Activity | undefined {
    return this.ended.at(sequence - (this.next - this.ended.length))
  }
}

const none: ReadonlyMap<Activity, undefined> = new Map()
