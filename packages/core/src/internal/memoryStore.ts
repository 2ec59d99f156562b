import { AgentError, type AgentRuntimeId } from "@agent-runtime/schema"
import { Effect, Exit } from "effect"
import type {
  Change,
  Handle,
  Kept,
  LogEntry,
  Opened,
  Pending,
  RuntimeFenced,
  RuntimeStore,
  Stored,
  Written
} from "../RuntimeStore.ts"

/** Everything of one stored runtime. A handle that is not `owner` is fenced. */
interface Row {
  owner: Handle
  stored: Stored
  readonly pending: Map<number, Pending>
  running: number | undefined
  log: Array<LogEntry>
  readonly deadLetters: Map<number, Kept>
  readonly outbox: Map<number, Kept>
  states: Array<NonNullable<Change["state"]>>
}

/** A store in the memory of the process: it survives a manager, not the process. */
export class MemoryStore {
  private readonly rows = new Map<string, Row>()
  private readonly fenced: (id: string) => RuntimeFenced
  private lastPosition = 0

  constructor(fenced: (id: string) => RuntimeFenced) {
    this.fenced = fenced
  }

  readonly service: RuntimeStore["Service"] = {
    create: ({ agent, epoch, id, info, state, version }) =>
      Effect.suspend(() => {
        const there = this.rows.get(id)
        if (there !== undefined && !there.stored.terminated) {
          return Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(id))
        }
        const owner: Handle = { id, agent, epoch }
        this.rows.set(id, {
          owner,
          stored: { id, agent, epoch, terminated: false, state, version, sequence: 0, info },
          pending: new Map(),
          running: undefined,
          log: [],
          deadLetters: new Map(),
          outbox: new Map(),
          states: []
        })
        return Exit.succeed(owner)
      }),
    open: (id, canRun = () => true) =>
      Effect.sync((): Opened | undefined => {
        const row = this.rows.get(id)
        if (row === undefined) return undefined
        if (!row.stored.terminated && canRun(row.stored.agent)) row.owner = { ...row.owner }
        return {
          ...row.stored,
          handle: row.owner,
          pending: Array.from(row.pending.values()),
          running: row.running,
          deadLetters: Array.from(row.deadLetters.values()),
          outbox: Array.from(row.outbox.values())
        }
      }),
    recoverable: (agent) =>
      Effect.sync(() => {
        const ids: Array<AgentRuntimeId.AgentRuntimeId> = []
        for (const { outbox, pending, stored } of this.rows.values()) {
          if (stored.agent === agent && !stored.terminated && pending.size + outbox.size > 0) ids.push(stored.id)
        }
        return ids
      }),
    write: (writes) =>
      Effect.sync(() =>
        writes.map(({ change, handle }) => {
          const row = this.rows.get(handle.id)
          return row?.owner === handle ? Exit.succeed(this.apply(row, change)) : Exit.fail(this.fenced(handle.id))
        })
      ),
    list: ({ after, agent, limit }) =>
      Effect.sync(() =>
        Array.from(this.rows.values(), ({ stored }) => stored)
          .filter((one) => (after === undefined || one.id > after) && (agent === undefined || one.agent === agent))
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .slice(0, limit)
      ),
    log: (id, { after, epoch, limit }) =>
      Effect.sync(() => {
        const row = this.rows.get(id)
        if (row === undefined || row.stored.epoch !== epoch) return []
        return row.log.filter(({ sequence }) => sequence > after).slice(0, limit)
      }),
    stateAt: (id, sequence) =>
      Effect.sync(() => {
        const row = this.rows.get(id)
        if (row === undefined) return undefined
        if (row.stored.sequence <= sequence) return row.stored
        return row.states.findLast((kept) => kept.sequence <= sequence)
      }),
    purge: (id) => Effect.sync(() => this.rows.get(id)?.stored.terminated === true && this.rows.delete(id)),
    compact: ({ id }, keep) =>
      Effect.sync(() => {
        const row = this.rows.get(id)
        if (row === undefined) return
        row.log = keep.log === 0 ? [] : row.log.slice(-keep.log)
        row.states = keep.states === 0 ? [] : row.states.slice(-keep.states)
      })
  }

  private apply(row: Row, change: Change): Written {
    const written = { accepted: [] as Array<number>, buried: [] as Array<number>, outbox: [] as Array<number> }
    const add = (positions: Array<number>): number => {
      positions.push(++this.lastPosition)
      return this.lastPosition
    }
    for (const one of change.accept ?? []) {
      const position = add(written.accepted)
      row.pending.set(position, { ...one, position })
    }
    for (const one of change.update ?? []) {
      const known = row.pending.get(one.position)
      if (known !== undefined) row.pending.set(one.position, { ...known, ...one })
      if (row.running === one.position) row.running = undefined
    }
    for (const position of change.remove ?? []) {
      row.pending.delete(position)
      if (row.running === position) row.running = undefined
    }
    if (change.start !== undefined) {
      const { attempts, position } = change.start
      const known = row.pending.get(position)
      // It may go back at once: then it has been updated.
      const isBack =
        known !== undefined && change.update?.some((one) => one.position === position && one.attempts >= attempts)
      if (known !== undefined) row.pending.set(position, { ...known, attempts })
      if (isBack !== true) row.running = position
    }
    row.log.push(...(change.append ?? []))
    for (const value of change.bury ?? []) {
      const position = add(written.buried)
      row.deadLetters.set(position, { position, value })
    }
    for (const position of change.exhume ?? []) row.deadLetters.delete(position)
    for (const value of change.send ?? []) {
      const position = add(written.outbox)
      row.outbox.set(position, { position, value })
    }
    for (const position of change.sent ?? []) {
      for (const { outbox } of this.rows.values()) if (outbox.delete(position)) break
    }
    const sequence = change.append?.at(-1)?.sequence ?? row.stored.sequence
    const { info, state, terminated } = change
    if (state?.keep === true) row.states.push(state)
    row.stored = {
      ...row.stored,
      sequence,
      ...(state === undefined ? {} : { state: state.state, version: state.version }),
      ...(info === undefined ? {} : { info }),
      ...(terminated === true ? { terminated } : {})
    }
    return written
  }
}
