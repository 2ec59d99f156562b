import { endings, type Order, type Report } from "./protocol.ts"

type Sent = Extract<Order, { op: "send" }>

/** Knows what was sent and what was acknowledged, and so what must and what may be found after a crash. */
export class Oracle {
  private readonly sent = new Map<string, Sent>()
  private readonly acknowledged = new Set<string>()
  /** Sent again after a crash: they may have been accepted the first time or the second. */
  private readonly resent = new Set<string>()
  private readonly epochs = new Map<string, number>()
  /** The sequence with which each was first seen to have ended. */
  private readonly ended = new Map<string, number | undefined>()

  send(order: Sent): void {
    if (this.sent.has(order.id)) this.resent.add(order.id)
    this.sent.set(order.id, order)
  }

  acknowledge(id: string): void {
    this.acknowledged.add(id)
  }

  get acknowledgements(): number {
    return this.acknowledged.size
  }

  /** What was never answered. */
  get open(): ReadonlyArray<Sent> {
    return [...this.sent.values()].filter(({ id }) => !this.acknowledged.has(id))
  }

  /** Everything that is wrong with what was found. */
  judge(lines: ReadonlyArray<Report>): ReadonlyArray<string> {
    const faults: Array<string> = []
    for (const { applied, ends, epoch, log, runtime, sequence, shown } of lines) {
      if (applied.join() !== shown.join())
        faults.push(`${runtime}: it shows ${shown.length}, the store holds ${applied.length}`)
      const times = new Map<string, number>()
      for (const id of applied) times.set(id, (times.get(id) ?? 0) + 1)
      for (const [id, n] of times) {
        if (n > 1) faults.push(`${runtime}: ${id} took effect ${n} times`)
        const sent = this.sent.get(id)
        if (sent?.runtime !== runtime) faults.push(`${runtime}: ${id} was never sent to it`)
        else if (endings[sent.type] !== "succeeded") faults.push(`${runtime}: ${sent.type} ${id} changed the state`)
      }
      this.judgeEnds(runtime, ends, faults)
      for (const id of this.acknowledged) {
        const { runtime: of, type } = this.sent.get(id)!
        if (of !== runtime || type === "Poison") continue
        if (!this.ended.has(id) || (endings[type] === "succeeded" && !times.has(id)))
          faults.push(`${runtime}: ${type} ${id} was acknowledged and is lost`)
      }
      if ((log.at(-1) ?? 0) !== sequence)
        faults.push(`${runtime}: the log ends at ${log.at(-1)}, the state is at ${sequence}`)
      for (let i = 1; i < log.length; i++) {
        if (log[i] !== log[i - 1]! + 1) faults.push(`${runtime}: the log goes from ${log[i - 1]} to ${log[i]}`)
      }
      const known = this.epochs.get(runtime) ?? epoch
      if (known !== epoch) faults.push(`${runtime}: the epoch went from ${known} to ${epoch}`)
      this.epochs.set(runtime, epoch)
      this.judgeOrder(runtime, applied, faults)
    }
    return faults
  }

  // Each ends once, as it must, and keeps its sequence.
  private judgeEnds(runtime: string, ends: Report["ends"], faults: Array<string>): void {
    for (const [id, sequence, status] of ends) {
      const type = this.sent.get(id)?.type
      if (type === undefined || status !== endings[type]) faults.push(`${runtime}: ${type} ${id} ended as ${status}`)
      const known = this.ended.get(id) ?? sequence
      if (known !== sequence) faults.push(`${runtime}: ${id} ended at ${known} and at ${sequence}`)
      this.ended.set(id, known)
    }
  }

  // Within a lane the order of acceptance is the order of sending, unless something was sent twice, delayed or tried again.
  private judgeOrder(runtime: string, applied: ReadonlyArray<string>, faults: Array<string>): void {
    const last = new Map<string, number>()
    for (const id of applied) {
      const sent = this.sent.get(id)
      if (sent === undefined || this.resent.has(id) || sent.delay !== undefined || sent.type === "Retried") continue
      const number = Number(id.slice(1))
      if (number < (last.get(sent.type) ?? 0)) faults.push(`${runtime}: ${id} came after a${last.get(sent.type)}`)
      last.set(sent.type, number)
    }
  }
}
