// One atomic step of one runtime, and what the store remembers of a runtime it holds. All texts are JSON.

/** What is kept of an accepted activity until it has ended. Its position is its name in the store and gives the order. */
export interface Pending {
  readonly position: number
  readonly activity: string
  /** How many attempts have been started. */
  readonly attempts: number
  /** Milliseconds since the Unix epoch: delayed, or waiting for its retry. */
  readonly due: number | undefined
  /** Goes before everything in the mailbox. */
  readonly ahead: boolean
}

/** What is kept of an ended activity: its receipt, and its event if it has one. */
export interface Entry {
  readonly sequence: number | undefined
  /** Milliseconds since the Unix epoch. */
  readonly written: number
  readonly entry: string
}

/** Whatever is given commits together. */
export interface Change {
  readonly accept?: ReadonlyArray<Omit<Pending, "position">>
  /** An attempt begins; at most one activity of a runtime runs. */
  readonly start?: { readonly position: number; readonly attempts: number }
  /** Nothing runs any more. */
  readonly stop?: boolean
  readonly update?: ReadonlyArray<Omit<Pending, "activity">>
  readonly remove?: ReadonlyArray<number>
  readonly append?: ReadonlyArray<Entry>
  readonly state?: {
    readonly state: string
    readonly version: number
    readonly sequence: number
    /** Whether the state stays readable after the next one. */
    readonly keep: boolean
  }
  readonly info?: string
  readonly bury?: ReadonlyArray<string>
  readonly exhume?: ReadonlyArray<number>
  readonly send?: ReadonlyArray<string>
  readonly sent?: ReadonlyArray<number>
  readonly terminated?: boolean
}

/** The positions given, in the order of the change. */
export interface Written {
  readonly accepted: ReadonlyArray<number>
  readonly buried: ReadonlyArray<number>
  readonly outbox: ReadonlyArray<number>
}

/** A runtime that this store holds. `head` is the position of its newest log row, 0 before the first. */
export interface Held {
  readonly epoch: number
  readonly id: string
  readonly agent: string
  head: number
  /** Log rows written since the last compaction. */
  logged: number
}
