// A group of changes as rows: what one commit writes. Nothing here is seen by anyone until the commit has succeeded.
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Change, Held, Written } from "./Change.ts"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

export interface Write {
  readonly held: Held
  readonly change: Change
}

type Row = ReadonlyArray<Rows.Value>

/** The columns of `Statements.advance` after the epoch. */
interface Advanced {
  state: string | null
  version: number | null
  sequence: number | null
  head: number | null
  running: number | null
  attempts: number | null
  info: string | null
  terminated: number | null
}

const unchanged = (): Advanced => ({
  state: null,
  version: null,
  sequence: null,
  head: null,
  running: null,
  attempts: null,
  info: null,
  terminated: null
})

/** How many positions a change needs. */
export const positionsOf = ({ change }: Write): number =>
  (change.accept?.length ?? 0) + (change.append?.length ?? 0) + (change.bury?.length ?? 0) + (change.send?.length ?? 0)

export class Group {
  readonly writes: ReadonlyArray<Write>
  readonly written: ReadonlyArray<Written>
  private readonly touched = new Map<number, Advanced | undefined>()
  private readonly heads = new Map<Held, number>()
  private readonly accepted: Array<Row> = []
  private readonly updated: Array<Row> = []
  private readonly removed: Array<Row> = []
  private readonly appended: Array<Row> = []
  private readonly kept: Array<Row> = []
  private readonly buried: Array<Row> = []
  private readonly exhumed: Array<Row> = []
  private readonly sending: Array<Row> = []
  private readonly sent: Array<Row> = []

  constructor(writes: ReadonlyArray<Write>, next: () => number) {
    this.writes = writes
    this.written = writes.map((write) => this.add(write, next))
  }

  private add({ change, held }: Write, next: () => number): Written {
    const { epoch } = held
    const positions = <A>(
      all: ReadonlyArray<A> | undefined,
      row: (one: A, position: number) => Row,
      rows: Array<Row>
    ) =>
      (all ?? []).map((one) => {
        const position = next()
        rows.push(row(one, position))
        return position
      })

    const accepted = positions(
      change.accept,
      (one, position) => [position, epoch, one.attempts, one.due ?? null, one.ahead ? 1 : 0, one.activity],
      this.accepted
    )
    for (const one of change.update ?? []) {
      this.updated.push([one.position, one.attempts, one.due ?? null, one.ahead ? 1 : 0])
    }
    for (const position of change.remove ?? []) this.removed.push([position])
    let head = this.heads.get(held) ?? held.head
    positions(
      change.append,
      (one, position) => {
        const row = [position, epoch, head, one.sequence ?? null, one.written, one.entry]
        head = position
        return row
      },
      this.appended
    )
    const buried = positions(change.bury, (letter, position) => [position, epoch, letter], this.buried)
    for (const position of change.exhume ?? []) this.exhumed.push([position])
    const outbox = positions(change.send, (message, position) => [position, epoch, message], this.sending)
    for (const position of change.sent ?? []) this.sent.push([position])

    const { info, start, state, stop, terminated } = change
    const appends = change.append !== undefined && change.append.length > 0
    if (appends) this.heads.set(held, head)
    if (!(appends || state || start || stop === true || info !== undefined || terminated === true)) {
      if (!this.touched.has(epoch)) this.touched.set(epoch, undefined)
      return { accepted, buried, outbox }
    }
    const row = this.touched.get(epoch) ?? unchanged()
    this.touched.set(epoch, row)
    if (appends) row.head = head
    if (state !== undefined) {
      row.state = state.state
      row.version = state.version
      row.sequence = state.sequence
      if (state.keep) this.kept.push([epoch, state.sequence, state.version, state.state])
    }
    if (stop === true) row.running = row.attempts = 0
    if (start !== undefined) {
      row.running = start.position
      row.attempts = start.attempts
    }
    if (info !== undefined) row.info = info
    if (terminated === true) row.terminated = 1
    return { accepted, buried, outbox }
  }

  /**
   * Runs the statements inside the current transaction. Answers the epochs that this owner no longer holds: then the
   * transaction must be rolled back.
   */
  run(sql: SqlClient, owner: number): Effect.Effect<ReadonlySet<number>, SqlError> {
    const advanced: Array<Row> = []
    const untouched: Array<Row> = []
    for (const [epoch, row] of this.touched) {
      if (row === undefined) untouched.push([epoch])
      else {
        const { attempts, head, info, running, sequence, state, terminated, version } = row
        advanced.push([epoch, state, version, sequence, head, running, attempts, info, terminated])
      }
    }
    const group = this
    return Effect.gen(function* () {
      const fenced = new Set(group.touched.keys())
      for (const row of yield* Rows.run(sql, Statements.advance(owner), advanced)) fenced.delete(Number(row["epoch"]))
      for (const row of yield* Rows.run(sql, Statements.owned(owner, Rows.isPostgres(sql)), untouched)) {
        fenced.delete(Number(row["epoch"]))
      }
      if (fenced.size > 0) return fenced
      yield* Rows.run(sql, Statements.accept, group.accepted)
      yield* Rows.run(sql, Statements.update, group.updated)
      yield* Rows.run(sql, Statements.remove("agent_pending"), group.removed)
      yield* Rows.run(sql, Statements.append, group.appended)
      yield* Rows.run(sql, Statements.keep, group.kept)
      yield* Rows.run(sql, Statements.bury, group.buried)
      yield* Rows.run(sql, Statements.remove("agent_letters"), group.exhumed)
      yield* Rows.run(sql, Statements.send, group.sending)
      yield* Rows.run(sql, Statements.remove("agent_outbox"), group.sent)
      return fenced
    })
  }

  /** The commit has succeeded: from here on the next rows follow these. */
  settle(): void {
    for (const [held, head] of this.heads) held.head = head
    for (const { change, held } of this.writes) held.logged += change.append?.length ?? 0
  }
}
