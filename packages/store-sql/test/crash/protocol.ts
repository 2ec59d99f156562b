/** So many that what they write is more than is answered at a time. */
export const runtimes: ReadonlyArray<string> = Array.from({ length: 48 }, (_, i) => `r${i}`)

export const crashPoints = [
  "before commit",
  "commit",
  "after commit",
  "take",
  "start",
  "workflow",
  "compaction",
  "part"
] as const
/** Where the program can be told to kill itself; the migration is over before there is a load. */
export type CrashPoint = (typeof crashPoints)[number] | "migration"

/** What each kind of order ends as; only the first three change the state. */
export const endings = {
  Note: "succeeded",
  Urgent: "succeeded",
  Retried: "succeeded",
  Fail: "failed",
  Expired: "expired",
  Cancelled: "cancelled",
  Poison: "failed"
} as const

/** What the parent tells the child. */
export type Order =
  | {
      readonly op: "send"
      readonly runtime: string
      readonly id: string
      readonly type: keyof typeof endings
      readonly delay?: number
    }
  | { readonly op: "report" }
  | { readonly op: "arm" }

/** What is to be seen of a runtime once it has nothing left to do. */
export interface Report {
  readonly runtime: string
  readonly epoch: number
  readonly applied: ReadonlyArray<string>
  /** The same, as the runtime itself says it. */
  readonly shown: ReadonlyArray<string>
  readonly sequence: number
  readonly log: ReadonlyArray<number>
  /** The receipts of what is in the log, as far back as they are kept. */
  readonly ends: ReadonlyArray<readonly [id: string, sequence: number | undefined, status: string]>
  readonly dead: ReadonlyArray<readonly [id: string, attempts: number]>
}

/** What the child tells the parent. */
export type Said =
  | { readonly op: "ready" }
  | { readonly op: "acknowledged"; readonly id: string }
  | { readonly op: "refused"; readonly id: string; readonly why: string }
  | { readonly op: "report"; readonly lines: ReadonlyArray<Report> }
  | { readonly op: "broken"; readonly why: string }
