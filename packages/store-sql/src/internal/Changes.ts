// Changes of many runtimes as rows. Nothing here is seen by anyone until the commit has succeeded.
import type { RuntimeStore } from "@agent-runtime/core"
import * as Exit from "effect/Exit"
import type { Held } from "./Held.ts"
import type * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

type Row = ReadonlyArray<Rows.Value>

/** A statement with its rows. Where it is guarded, each row must find something to change, or nothing may be committed. */
export interface Writes {
  readonly statement: Rows.Statement
  readonly rows: ReadonlyArray<Row>
  readonly guarded: boolean
}

/** What becomes of a runtime, and of its own row: there, what is undefined stays. */
class Advance {
  readonly held: Held
  head: number
  running: number
  pending: number
  ended: ReadonlyArray<number>
  // What has not been taken yet.
  removed: ReadonlyArray<number> = nothing
  attempts: number | undefined = undefined
  state: RuntimeStore.Change["state"] = undefined
  /** Of the newest event, which need not have changed the state. */
  sequence: number | undefined = undefined
  info: string | undefined = undefined
  terminated = false
  touched = false

  constructor(held: Held) {
    this.held = held
    this.head = held.head
    this.running = held.running
    this.pending = held.pending
    this.ended = held.ended
  }
}

const nothing: ReadonlyArray<number> = []

/** So many of one runtime are deleted at a time: they are beside each other, and each page that is touched costs. */
const manyEnded = 32

export class Changes {
  private readonly next: () => number
  private readonly advances = new Map<Held, Advance>()
  // What has not been taken yet.
  private readonly changed = new Set<Advance>()
  private accepted: Array<Row> = []
  /** By position: of several changes of one activity the last one holds. */
  private readonly updated = new Map<number, Row>()
  private appended: Array<Row> = []
  private kept: Array<Row> = []
  private buried: Array<Row> = []
  private exhumed: Array<Row> = []
  private sending: Array<Row> = []
  private sent: Array<Row> = []

  constructor(nextPosition: () => number) {
    this.next = nextPosition
  }

  add(held: Held, change: RuntimeStore.Change): () => Exit.Exit<RuntimeStore.Written> {
    const { runtime } = held
    const advance = this.advanceOf(held)
    const accepted = this.place(change.accept, this.accepted, (one, position) => [
      position,
      runtime,
      one.attempts,
      one.crashes,
      one.failures,
      one.due ?? null,
      one.ahead ? 1 : 0,
      JSON.stringify(one.activity)
    ])
    for (const { ahead, attempts, crashes, due, failures, position } of change.update ?? []) {
      this.updated.set(position, [position, attempts, crashes, failures, due ?? null, ahead ? 1 : 0])
    }
    this.place(change.append, this.appended, (one, position) => {
      const row = [position, runtime, advance.head, one.sequence, one.at, JSON.stringify(one.entry)]
      advance.head = position
      advance.sequence = one.sequence
      advance.touched = true
      return row
    })
    const buried = this.place(change.bury, this.buried, (one, position) => [position, runtime, JSON.stringify(one)])
    const outbox = this.place(change.send, this.sending, (one, position) => [position, runtime, JSON.stringify(one)])
    advance.pending += accepted.length
    if (change.remove !== undefined) {
      for (const position of change.remove) this.updated.delete(position)
      advance.removed = advance.removed.length === 0 ? change.remove : advance.removed.concat(change.remove)
      advance.pending -= change.remove.length
      advance.touched = true
    }
    for (const position of change.exhume ?? []) this.exhumed.push([position])
    for (const position of change.sent ?? []) this.sent.push([position])
    this.follow(advance, change)
    if (change.state !== undefined) {
      const { keep, sequence, state, version } = change.state
      advance.state = change.state
      advance.touched = true
      if (keep) this.kept.push([runtime, sequence, version, JSON.stringify(state)])
    }
    if (change.info !== undefined) {
      advance.info = JSON.stringify(change.info)
      advance.touched = true
    }
    if (change.terminated === true) advance.terminated = advance.touched = true
    const written = Exit.succeed({ accepted, buried, outbox })
    return () => written
  }

  private advanceOf(held: Held): Advance {
    let advance = this.advances.get(held)
    if (advance === undefined) {
      advance = new Advance(held)
      this.advances.set(held, advance)
    }
    this.changed.add(advance)
    return advance
  }

  private place<A>(
    all: ReadonlyArray<A> | undefined,
    rows: Array<Row>,
    row: (one: A, position: number) => Row
  ): ReadonlyArray<number> {
    if (all === undefined) return nothing
    return all.map((one) => {
      const position = this.next()
      rows.push(row(one, position))
      return position
    })
  }

  // One change may hold several steps of a runtime: the end of an attempt and the start of the next, or both of one attempt.
  private follow(advance: Advance, { remove, start, update }: RuntimeStore.Change): void {
    const ended = (position: number, attempts: number) =>
      remove?.includes(position) === true ||
      update?.some((one) => one.position === position && one.attempts >= attempts) === true
    let { attempts = 0, running } = advance
    if (start !== undefined) {
      running = start.position
      attempts = start.attempts
    }
    if (running !== 0 && ended(running, attempts)) running = attempts = 0
    if (start === undefined && running === advance.running) return
    advance.running = running
    advance.attempts = attempts
    advance.touched = true
  }

  /**
   * The rows of what was added since they were last taken, in the order in which they are to be written. Those of `guarded`
   * begin with their runtime.
   */
  take({ advance, owned }: Statements.Guards): ReadonlyArray<Writes> {
    const advanced: Array<Row> = []
    const checked: Array<Row> = []
    const deleted: Array<Row> = []
    for (const one of this.changed) {
      if (!one.touched) checked.push([one.held.runtime])
      else advanced.push(advancedRow(one, deleted))
    }
    const all: ReadonlyArray<Writes> = [
      { statement: advance, rows: advanced, guarded: true },
      { statement: owned, rows: checked, guarded: true },
      { statement: Statements.accept, rows: this.accepted, guarded: false },
      { statement: Statements.update, rows: Array.from(this.updated.values()), guarded: false },
      { statement: Statements.removePending, rows: deleted, guarded: false },
      { statement: Statements.append, rows: this.appended, guarded: false },
      { statement: Statements.keep, rows: this.kept, guarded: false },
      { statement: Statements.bury, rows: this.buried, guarded: false },
      { statement: Statements.exhume, rows: this.exhumed, guarded: false },
      { statement: Statements.send, rows: this.sending, guarded: false },
      { statement: Statements.sent, rows: this.sent, guarded: false }
    ]
    this.changed.clear()
    this.updated.clear()
    this.accepted = []
    this.appended = []
    this.kept = []
    this.buried = []
    this.exhumed = []
    this.sending = []
    this.sent = []
    return all.filter(({ rows }) => rows.length > 0)
  }

  /** The commit has succeeded: from here on the next rows follow these. */
  settle(): void {
    for (const { ended, head, held, pending, running } of this.advances.values()) {
      held.head = head
      held.running = running
      held.pending = pending
      held.ended = ended
    }
  }
}

/** What is to be deleted of its pending activities goes to `deleted`. */
const advancedRow = (one: Advance, deleted: Array<Row>): Row => {
  const { attempts, head, held, info, removed, running, sequence, state, terminated } = one
  const before = one.ended
  if (removed.length > 0) {
    const ended = before.concat(removed)
    const isTime = one.pending <= 0 || ended.length >= manyEnded
    if (isTime) for (const position of ended) deleted.push([position])
    one.ended = isTime ? nothing : ended
  }
  one.removed = nothing
  one.attempts = one.state = one.sequence = one.info = undefined
  one.terminated = one.touched = false
  return [
    held.runtime,
    state === undefined ? null : JSON.stringify(state.state),
    state?.version ?? null,
    sequence ?? null,
    head,
    running,
    attempts ?? null,
    info ?? null,
    terminated ? 1 : null,
    one.ended === before ? null : one.ended.join()
  ]
}
