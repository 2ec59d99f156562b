import type { ActivityId } from "@agent-runtime/schema"

/**
 * The ids of activities whose senders gave none: a serial number behind a prefix that no other process has. They are
 * spelled out only when somebody reads them.
 */
export class Ids {
  private readonly prefix: string
  private last = 0

  constructor(nonce: string) {
    this.prefix = `${nonce}-`
  }

  next(): number {
    return ++this.last
  }

  format(serial: number): ActivityId.ActivityId {
    return (this.prefix + serial.toString(36)) as ActivityId.ActivityId
  }

  /** The serial number of an id that was made here, else 0. */
  parse(id: string): number {
    if (!id.startsWith(this.prefix)) return 0
    const serial = Number.parseInt(id.slice(this.prefix.length), 36)
    return this.format(serial) === id ? serial : 0
  }
}
