import type { Activity } from "./activity.ts"
import { Deque } from "./deque.ts"
import type { Kernel } from "./kernel.ts"

/**
 * The activities of one runtime by id: all that are pending, and those that have ended while their receipts are kept.
 *
 * Invariant: `ended` holds the ended ones in the order in which they ended; all others in `byId` are pending.
 */
export class Receipts {
  private readonly kernel: Kernel
  private readonly byId = new Map<string, Activity>()
  private readonly ended = new Deque<Activity>()
  /** Pending activities of the types that reject overlap, by type. */
  private rejecting: Map<string, number> | undefined = undefined

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  find(activityId: string): Activity | undefined {
    const activity = this.byId.get(activityId)
    if (activity === undefined || activity.exit === undefined) return activity
    const age = this.kernel.clock.currentTimeMillisUnsafe() - activity.endedAt
    return age > this.kernel.millis.receiptTimeToLive ? undefined : activity
  }

  /** Whether an activity of a type is pending; counted for the types that reject overlap. */
  isPending(type: string): boolean {
    return (this.rejecting?.get(type) ?? 0) > 0
  }

  /** How many are pending: waiting, held back, or running. */
  get pending(): number {
    return this.byId.size - this.ended.length
  }

  /** Takes out what is pending. */
  takePending(): ReadonlyArray<Activity> {
    const pending = Array.from(this.byId.values()).filter((activity) => activity.exit === undefined)
    for (const activity of pending) this.retract(activity)
    return pending
  }

  add(activity: Activity): void {
    this.byId.set(activity.id, activity)
    this.countRejecting(activity, 1)
  }

  /** Forgets an activity that was not accepted after all. */
  retract(activity: Activity): void {
    this.countRejecting(activity, -1)
    this.byId.delete(activity.id)
  }

  /** Keeps the receipt of an ended activity, and forgets those past retention. */
  end(activity: Activity): void {
    this.countRejecting(activity, -1)
    this.keep(activity)
  }

  /** Keeps the receipt of an activity that ended before. */
  keep(activity: Activity): void {
    const { ended } = this
    this.byId.set(activity.id, activity)
    ended.push(activity)
    const oldest = this.kernel.clock.currentTimeMillisUnsafe() - this.kernel.millis.receiptTimeToLive
    for (let first = ended.at(0); first !== undefined; first = ended.at(0)) {
      if (ended.length <= this.kernel.config.receiptRetention && first.endedAt >= oldest) return
      ended.shift()
      this.byId.delete(first.id)
    }
  }

  /** A dead letter that is replayed is pending again: its old receipt goes. */
  revive(activityId: string): void {
    const activity = this.byId.get(activityId)
    if (activity === undefined) return
    this.ended.remove(activity)
    this.byId.delete(activityId)
  }

  private countRejecting(activity: Activity, change: number): void {
    if (activity.kind.definition?.overlap !== "reject") return
    const pending = (this.rejecting ??= new Map())
    pending.set(activity.type, (pending.get(activity.type) ?? 0) + change)
  }
}
