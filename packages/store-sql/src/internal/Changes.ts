// Changes of many runtimes as rows. Nothing here is seen by anyone until the commit has succeeded.
import type { RuntimeStore } from "@agent-runtime/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Held } from "./Held.ts"
import * as Rows from "./Rows.ts"
import * as Statements from "./Statements.ts"

type Row = ReadonlyArray<Rows.Value>

/** What becomes of a runtime's own row; what is undefined stays. */
interface Advance {
  readonly held: Held
  head: number
  running: number
  attempts: number | undefined
  state: RuntimeStore.Change["state"]
  info: string | undefined
  terminated: boolean
  touched: boolean
}

export class Changes {
  private readonly next: () => number
  private readonly advances = new Map<Held, Advance>()
  private readonly accepted: Array<Row> = []
  private readonly updated: Array<Row> = []
  private readonly removed: Array<Row> = []
  private readonly appended: Array<Row> = []
  private readonly kept: Array<Row> = []
  private readonly buried: Array<Row> = []
  private readonly exhumed: Array<Row> = []
  private readonly sending: Array<Row> = []
  private readonly sent: Array<Row> = []

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
      one.due ?? null,
      one.ahead ? 1 : 0,
      JSON.stringify(one.activity)
    ])
    for (const { ahead, attempts, crashes, due, position } of change.update ?? []) {
      this.updated.push([position, attempts, crashes, due ?? null, ahead ? 1 : 0])
    }
    this.place(change.append, this.appended, (one, position) => {
      const row = [position, runtime, advance.head, one.sequence, one.at, JSON.stringify(one.entry)]
      advance.head = position
      advance.touched = true
      return row
    })
    const buried = this.place(change.bury, this.buried, (one, position) => [position, runtime, JSON.stringify(one)])
    const outbox = this.place(change.send, this.sending, (one, position) => [position, runtime, JSON.stringify(one)])
    for (const position of change.remove ?? []) this.removed.push([position])
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
    return () => Exit.succeed({ accepted, buried, outbox })
  }

  private advanceOf(held: Held): Advance {
    let advance = this.advances.get(held)
    if (advance === undefined) {
      advance = {
        held,
        head: held.head,
        running: held.running,
        attempts: undefined,
        state: undefined,
        info: undefined,
        terminated: false,
        touched: false
      }
      this.advances.set(held, advance)
    }
    return advance
  }

  private place<A>(
    all: ReadonlyArray<A> | undefined,
    rows: Array<Row>,
    row: (one: A, position: number) => Row
  ): ReadonlyArray<number> {
    return (all ?? []).map((one) => {
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

  run(sql: SqlClient, owner: number): Effect.Effect<ReadonlySet<number>, SqlError> {
    const advanced: Array<Row> = []
    const checked: Array<Row> = []
    const lost = new Set<number>()
    for (const { attempts, head, held, info, running, state, terminated, touched } of this.advances.values()) {
      lost.add(held.runtime)
      if (!touched) checked.push([held.runtime])
      else {
        advanced.push([
          held.runtime,
          state === undefined ? null : JSON.stringify(state.state),
          state?.version ?? null,
          state?.sequence ?? null,
          head,
          running,
          attempts ?? null,
          info ?? null,
          terminated ? 1 : null
        ])
      }
    }
    const stillOwned = (statement: Rows.Statement, rows: ReadonlyArray<Row>) =>
      Effect.map(Rows.run(sql, statement, rows), (found) => {
        for (const row of found) lost.delete(Number(row["runtime"]))
      })
    // Sent one after the other without waiting for the answers: what is lost is rolled back with the rest.
    return Effect.as(
      Effect.all(
        [
          stillOwned(Statements.advance(owner), advanced),
          stillOwned(Statements.owned(owner, Rows.isPostgres(sql)), checked),
          Rows.run(sql, Statements.accept, this.accepted),
          Rows.run(sql, Statements.update, this.updated),
          Rows.run(sql, Statements.remove("agent_pending"), this.removed),
          Rows.run(sql, Statements.append, this.appended),
          Rows.run(sql, Statements.keep, this.kept),
          Rows.run(sql, Statements.bury, this.buried),
          Rows.run(sql, Statements.remove("agent_letters"), this.exhumed),
          Rows.run(sql, Statements.send, this.sending),
          Rows.run(sql, Statements.remove("agent_outbox"), this.sent)
        ],
        { concurrency: "unbounded", discard: true }
      ),
      lost
    )
  }

  /** The commit has succeeded: from here on the next rows follow these. */
  settle(): void {
    for (const { head, held, running } of this.advances.values()) {
      held.head = head
      held.running = running
    }
  }
}
