// What the main thread and the thread that owns the database file say to each other. Answers come in the order of the
// requests, so neither side needs identifiers. This file is loaded by both threads: types only.

/** What the worker opens: passed as `workerData`. */
export interface Opening {
  readonly filename: string
  readonly readonly: boolean
  readonly synchronous: "FULL" | "NORMAL"
  /** milliseconds */
  readonly busyTimeout: number
  /** statements */
  readonly statementCacheSize: number
  /** bytes */
  readonly maxSize: number | undefined
  /** Whether the file is to be held against others that open it so. */
  readonly exclusive: boolean
}

/** How the rows of a statement are wanted: objects, arrays, or as the driver answers. */
export type Shape = "rows" | "values" | "raw"

/** One statement for many rows, run once for each. */
export interface Write {
  readonly sql: string
  readonly rows: ReadonlyArray<ReadonlyArray<string | number | null>>
  /** Each row must find something to change: where one does not, nothing of the transaction happens. */
  readonly guarded: boolean
}

/** Written in the transaction that the next request commits. Not answered: what fails shows at the commit. */
export type Part = readonly [op: "write", writes: ReadonlyArray<Write>]

export type Request =
  | readonly [op: "commit", writes: ReadonlyArray<Write>]
  | readonly [op: "abandon"]
  | readonly [op: "run", sql: string, params: ReadonlyArray<unknown>, shape: Shape, bigints: boolean, cached: boolean]
  | readonly [op: "iterate", sql: string, params: ReadonlyArray<unknown>, bigints: boolean]
  | readonly [op: "next", count: number]
  | readonly [op: "end"]
  | readonly [op: "close"]

/** What is left of a driver's error after it has crossed threads. */
export interface Fault {
  readonly message: string
  /** SQLite's extended result code; absent when the fault is not SQLite's. */
  readonly code: number | undefined
  /** Set where another holds the file. */
  readonly inUse?: boolean
}

/** `inTransaction` is the state after the request, so that the main thread never has to guess it. */
export type Answer =
  | { readonly fault: Fault; readonly inTransaction: boolean }
  | { readonly value: unknown; readonly inTransaction: boolean }
