import { AgentError } from "@agent-runtime/schema"
import { Cause, Deferred, type Effect, Exit, Result, type Schema } from "effect"
import type { Change, Handle, WriteExit, Written } from "../RuntimeStore.ts"
import type { Entry } from "./entry.ts"
import type { JournalWriter } from "./journalWriter.ts"
import { encodeInfo, type Info } from "./persisted.ts"
import { reportDefect, unlessBroken } from "./reportDefect.ts"

/** One step of a runtime: written first, then applied. */
export interface Step {
  /** What is to be written; asked anew at each try. */
  readonly change: () => Change
  /** Takes effect, in the order of the steps; `positions` are those the store gave to this step. */
  readonly apply: (positions: Written) => void
  /** The store is unavailable: given up if this is defined, otherwise tried again until it is back. */
  readonly refuse?: (error: AgentError.StoreUnavailable) => void
}

/** Milliseconds before a write is tried again, doubling up to the second. */
const firstRetry = 50
const lastRetry = 2000

/**
 * The steps of one runtime, written in order, one write at a time: what happens in one slice of the event loop, and while a
 * write is under way, shares the next write and so one transaction.
 */
export class Journal {
  private readonly writer: JournalWriter
  readonly handle: Handle
  /** The runtime whose steps these are. */
  entry: Entry | undefined = undefined
  private steps: Array<Step> = []
  private writing: ReadonlyArray<Step> | undefined = undefined
  private changes: ReadonlyArray<Change> = []
  private scheduled = false
  private retry = firstRetry
  private stopped = false
  private sequence = 0
  private info: Info | undefined = undefined

  constructor(writer: JournalWriter, handle: Handle) {
    this.writer = writer
    this.handle = handle
  }

  get isIdle(): boolean {
    return this.steps.length === 0 && this.writing === undefined
  }

  push(step: Step): void {
    if (this.stopped) return this.refuse([step], notHeld(this.handle.id))
    this.steps.push(step)
    if (this.writing === undefined) this.schedule()
  }

  /** Runs once what is to be written so far has been. */
  afterwards(run: () => void): void {
    this.push({ change: () => ({}), apply: run })
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.writer.schedule(this)
  }

  /** The next sequence of the log, for the change that is being made. */
  nextSequence(): number {
    return ++this.sequence
  }

  /** What the store is told of the runtime beside its state, after the change that is being made. */
  nextInfo(change: Partial<Info>): Schema.Json {
    return encodeInfo((this.info = { ...this.info!, ...change }))
  }

  /** What is to be written now; `undefined` where that is nothing. */
  begin(): Change | undefined {
    this.scheduled = false
    const { steps } = this
    if (this.writing !== undefined || steps.length === 0) return undefined
    this.steps = []
    // One write at a time: everything before has taken effect, or never will.
    const { entry } = this
    if (entry !== undefined) {
      this.sequence = entry.sequence
      this.info = { paused: entry.paused, failing: entry.failing, lastError: entry.lastError }
    }
    try {
      this.changes = steps.map((step) => step.change())
    } catch (defect) {
      // Nothing of this runtime can be written any more: let go of it, and leave it to the store as it is there.
      reportDefect(defect)
      this.lose(steps)
      return undefined
    }
    this.writing = steps
    return merge(this.changes)
  }

  /** What became of it. */
  end(exit: WriteExit): void {
    const { changes, writing: batch = [] } = this
    this.writing = undefined
    if (Exit.isSuccess(exit)) {
      this.retry = firstRetry
      applyAll(batch, changes, exit.value)
      // Nobody here goes on with what was taken in after this process let go of the runtime.
      if (this.entry?.isOver === true) this.entry.detach()
    } else {
      const found = Cause.findError(exit.cause)
      if (this.stopped || Result.isFailure(found) || found.success._tag === "RuntimeFenced") return this.lose(batch)
      const error = found.success
      const kept = batch.filter((step) => step.refuse === undefined)
      this.steps = [...kept, ...this.steps]
      this.refuse(batch, error)
      if (this.steps.length > 0) {
        this.scheduled = true
        this.writer.scheduleLater(this, this.retry)
        this.retry = Math.min(this.retry * 2, lastRetry)
        return
      }
    }
    if (this.steps.length > 0) this.schedule()
    else this.entry?.closeIfDrained()
  }

  /** This process lets go of the runtime, which another one has now: nothing that was not written takes effect here. */
  private lose(batch: ReadonlyArray<Step>): void {
    this.steps = [...batch, ...this.steps]
    const { entry } = this
    if (entry === undefined || entry.isOver) return this.stop()
    entry.reason = "shutdown"
    entry.attempt?.fiber?.interruptUnsafe()
    // Its handles open it again.
    entry.close()
  }

  /** From here on nothing is written: whoever opens the runtime next goes on from what is. */
  stop(): void {
    this.stopped = true
    const { steps } = this
    this.steps = []
    this.refuse(steps, notHeld(this.handle.id))
  }

  private refuse(steps: ReadonlyArray<Step>, error: AgentError.StoreUnavailable): void {
    for (const step of steps) unlessBroken(() => step.refuse?.(error))
  }
}

/** Why nothing can be asked here of a runtime that lives on without this process. */
export const notHeld = (id: string): AgentError.StoreUnavailable =>
  new AgentError.StoreUnavailable({ message: `This process no longer holds runtime "${id}": try again` })

/**
 * A step of its own, begun at once: takes effect now in memory; with a store once it is written, or is undone where that fails,
 * which the effect waits for.
 */
export const step = <A>(
  entry: Entry,
  change: () => Change,
  apply: (written: Written | undefined) => A,
  undo?: (error: AgentError.StoreUnavailable) => void
): Effect.Effect<A, AgentError.StoreUnavailable> => {
  const { journal } = entry
  if (journal === undefined) return Exit.succeed(apply(undefined))
  const done = Deferred.makeUnsafe<A, AgentError.StoreUnavailable>()
  journal.push({
    change,
    apply: (written) => Deferred.doneUnsafe(done, Exit.succeed(apply(written))),
    refuse: (error) => {
      undo?.(error)
      Deferred.doneUnsafe(done, Exit.fail(error))
    }
  })
  return Deferred.await(done)
}

const nothing: ReadonlyArray<number> = []
const none: Written = { accepted: nothing, buried: nothing, outbox: nothing }

const applyAll = (batch: ReadonlyArray<Step>, changes: ReadonlyArray<Change>, written: Written): void => {
  let accepted = 0
  let buried = 0
  let outbox = 0
  const next = (positions: ReadonlyArray<number>, from: number, count: number) =>
    count === 0 ? nothing : positions.slice(from, from + count)
  for (let i = 0; i < batch.length; i++) {
    const { accept, bury, send } = changes[i]!
    if (accept === undefined && bury === undefined && send === undefined) {
      unlessBroken(() => batch[i]!.apply(none))
      continue
    }
    const mine = {
      accepted: next(written.accepted, accepted, accept?.length ?? 0),
      buried: next(written.buried, buried, bury?.length ?? 0),
      outbox: next(written.outbox, outbox, send?.length ?? 0)
    }
    accepted += mine.accepted.length
    buried += mine.buried.length
    outbox += mine.outbox.length
    unlessBroken(() => batch[i]!.apply(mine))
  }
}

type Merged = { -readonly [K in keyof Change]: Change[K] }

const joined = <A>(before: ReadonlyArray<A> | undefined, after: ReadonlyArray<A>): ReadonlyArray<A> =>
  before === undefined ? after : before.concat(after)

/** What each step changes, as one change: lists follow each other, of single values the last one holds. */
const merge = (changes: ReadonlyArray<Change>): Change => {
  if (changes.length === 1) return changes[0]!
  const all: Merged = {}
  const accept: Array<NonNullable<Change["accept"]>[number]> = []
  let keep = false
  for (const change of changes) {
    if (change.accept !== undefined) for (const one of change.accept) accept.push(one)
    if (change.start !== undefined) all.start = change.start
    if (change.update !== undefined) all.update = joined(all.update, change.update)
    if (change.remove !== undefined) all.remove = joined(all.remove, change.remove)
    if (change.append !== undefined) all.append = joined(all.append, change.append)
    if (change.state !== undefined) {
      keep ||= change.state.keep
      all.state = change.state
    }
    if (change.info !== undefined) all.info = change.info
    if (change.bury !== undefined) all.bury = joined(all.bury, change.bury)
    if (change.exhume !== undefined) all.exhume = joined(all.exhume, change.exhume)
    if (change.send !== undefined) all.send = joined(all.send, change.send)
    if (change.sent !== undefined) all.sent = joined(all.sent, change.sent)
    if (change.terminated === true) all.terminated = true
  }
  if (accept.length > 0) all.accept = accept
  if (keep && all.state !== undefined) all.state = { ...all.state, keep }
  return all
}
