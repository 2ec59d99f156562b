import { AgentError, type AgentRuntimeId, type AgentRuntimeState } from "@agent-runtime/schema"
import { Effect, Exit, Fiber, Result } from "effect"
import type { Handle, Opened, Pending, RuntimeStore, Stored } from "../RuntimeStore.ts"
import type { Activity } from "./activity.ts"
import { Entry } from "./entry.ts"
import { History } from "./history.ts"
import type { Host } from "./host.ts"
import { Journal } from "./journal.ts"
import { JournalWriter } from "./journalWriter.ts"
import type { Kernel } from "./kernel.ts"
import { deliver } from "./outbox.ts"
import {
  decodeDead,
  decodeInfo,
  decodeLogEntry,
  decodeOutgoing,
  decodePending,
  encodeInfo,
  encodeReturned
} from "./persisted.ts"
import type { Subscriber } from "./subscriber.ts"
import type { Timer } from "./timers.ts"

/** Durable runtimes: how they come into memory, and how they leave it while nothing happens. */
export class Durable {
  readonly store: RuntimeStore["Service"]
  private readonly kernel: Kernel
  private readonly writer: JournalWriter
  /** Subscribers of runtimes that are not in memory. */
  private readonly dormant = new Map<string, Set<Subscriber>>()
  /** Those whose log is being read: somebody waits for it. */
  private readonly reading = new Set<Entry>()

  constructor(kernel: Kernel, store: RuntimeStore["Service"]) {
    this.kernel = kernel
    this.store = store
    this.writer = new JournalWriter(kernel, store)
  }

  create(
    id: AgentRuntimeId.AgentRuntimeId,
    epoch: number,
    host: Host,
    state: unknown
  ): Effect.Effect<
    Entry,
    AgentError.AgentRuntimeAlreadyExists | AgentError.RequestInvalid | AgentError.StoreUnavailable
  > {
    const encoded = host.encodeState(state)
    if (Result.isFailure(encoded)) {
      return Effect.fail(
        new AgentError.RequestInvalid({
          path: ["state"],
          message: `The first state cannot be stored: ${encoded.failure}`
        })
      )
    }
    const info = encodeInfo({ paused: false, failing: false, lastError: undefined })
    return Effect.map(
      this.store.create({
        id,
        agent: host.agent.name,
        epoch,
        state: encoded.success,
        version: host.agent.version,
        info
      }),
      (handle) => this.attach(new Entry(this.kernel, id, epoch, host, state, 0, this.journal(handle)))
    )
  }

  /**
   * A runtime as it was left, ready to go on; with everything that was pending in its place. `undefined` if there is none,
   * `AgentNotFound` if nobody here can run it.
   */
  open(
    id: AgentRuntimeId.AgentRuntimeId,
    hostOf: (agent: string) => Host | undefined
  ): Effect.Effect<
    Entry | undefined,
    AgentError.AgentNotFound | AgentError.StateUnreadable | AgentError.StoreUnavailable
  > {
    return Effect.flatMap(
      this.store.open(id, (agent) => hostOf(agent) !== undefined),
      (opened): Exit.Exit<Entry | undefined, AgentError.AgentNotFound | AgentError.StateUnreadable> => {
        if (opened === undefined) return Exit.succeed(undefined)
        const host = hostOf(opened.agent)
        return host === undefined ? Exit.fail(AgentError.AgentNotFound.of(opened.agent)) : this.restore(opened, host)
      }
    )
  }

  private restore(opened: Opened, host: Host): Exit.Exit<Entry, AgentError.StateUnreadable> {
    const { epoch, id, sequence, terminated } = opened
    // All of it is read before anything of it comes to life.
    let kept: ReturnType<typeof decodeOpened>
    try {
      kept = decodeOpened(this.kernel, host, opened)
    } catch (fault) {
      return Exit.fail(unreadable(opened, fault instanceof Error ? fault.message : String(fault)))
    }
    const journal = terminated ? undefined : this.journal(opened.handle)
    const entry = new Entry(this.kernel, id, epoch, host, kept.state, sequence, journal)
    Object.assign(entry, kept.info)
    for (const dead of kept.deadLetters) entry.bury(dead)
    if (sequence > 0 && this.kernel.historyRetention > 0) entry.recall = this.recall(entry)
    if (terminated) {
      entry.phase = "closed"
      this.awaken(entry)
      return Exit.succeed(entry)
    }
    this.restorePending(entry, kept.pending, opened.running)
    this.attach(entry)
    for (const { outgoing, position } of kept.outbox) deliver(entry, outgoing, position)
    return Exit.succeed(entry)
  }

  /**
   * Ends a runtime that cannot be read, unless that is refused, for which it must not have ended before. What there is of it is
   * kept until it is purged.
   */
  giveUp(
    id: AgentRuntimeId.AgentRuntimeId,
    refusal: AgentError.StateUnreadable | undefined
  ): Effect.Effect<void, AgentError.StateUnreadable | AgentError.StoreUnavailable> {
    return Effect.flatMap(
      this.store.open(id, () => refusal === undefined),
      (opened): Effect.Effect<void, AgentError.StateUnreadable | AgentError.StoreUnavailable> => {
        if (opened === undefined || opened.terminated) return Effect.void
        if (refusal !== undefined) return Effect.fail(refusal)
        const write = this.store.write([{ handle: opened.handle, change: { terminated: true } }])
        const written = Effect.flatMap(write, ([exit]) =>
          Effect.mapError(exit!, ({ message }) => new AgentError.StoreUnavailable({ message }))
        )
        return Effect.map(written, () => {
          for (const subscriber of this.wake(id)) subscriber.end("terminated")
        })
      }
    )
  }

  /** Reads the log of the lives before, once for all who ask for it at a time. */
  private recall(entry: Entry): Effect.Effect<void, AgentError.StoreUnavailable> {
    let reading: Fiber.Fiber<void, AgentError.StoreUnavailable> | undefined
    return Effect.suspend(() => {
      if (reading === undefined || reading.pollUnsafe() !== undefined) {
        reading = this.kernel.fork(this.readLog(entry), this.kernel.context)
      }
      return Fiber.join(reading)
    })
  }

  private readLog(entry: Entry): Effect.Effect<void, AgentError.StoreUnavailable> {
    const { epoch, host, id, sequence } = entry
    const after = Math.max(0, sequence - this.kernel.historyRetention)
    this.reading.add(entry)
    const logged = this.store.log(id, { epoch, after, limit: Number.POSITIVE_INFINITY })
    const read = Effect.flatMap(logged, (log) => {
      if (entry.recall === undefined) return Exit.void
      try {
        entry.history.recall(log.map((one) => decodeLogEntry(this.kernel, host, one)))
        entry.recall = undefined
        return Exit.void
      } catch (fault) {
        const why = fault instanceof Error ? fault.message : String(fault)
        return Exit.fail(
          new AgentError.StoreUnavailable({
            message: `The stored log of "${id}" cannot be read: ${why}. Nothing of it was changed.`
          })
        )
      }
    })
    return Effect.ensuring(
      read,
      Effect.sync(() => {
        this.reading.delete(entry)
        entry.usedAt = entry.now
      })
    )
  }

  private restorePending(entry: Entry, pending: ReadonlyArray<Restored>, running: number | undefined): void {
    const now = this.kernel.now()
    // When it took its place: acceptances are in their order, whatever the clock said, and what became due came between them.
    let last = Number.NEGATIVE_INFINITY
    const placed = pending.map(({ activity, one }) => {
      if (one.due !== undefined) activity.since = one.due - this.kernel.startedAt
      else last = Math.max(last, activity.since)
      return { one, activity, at: one.due === undefined ? last : activity.since }
    })
    placed.sort((a, b) => a.at - b.at)
    for (const { activity, at, one } of placed) {
      if (one.position === running) {
        activity.rare.crashes++
        const update = [encodeReturned(activity, one.due, one.ahead)]
        entry.journal!.push({ change: () => ({ update }), apply: () => undefined })
      }
      entry.history.add(activity)
      entry.waiting.reenter(activity.priority)
      // What ran goes on first; the rest waits as it did.
      if (one.ahead || one.position === running) entry.waiting.enqueueAhead(activity)
      else if (one.due !== undefined && at > now) entry.waiting.hold(activity, at)
      else {
        entry.waiting.enqueue(activity)
        if (one.due !== undefined) entry.cameDue(activity)
      }
    }
  }

  private journal(handle: Handle): Journal {
    return new Journal(this.writer, handle)
  }

  // -- passivation -----------------------------------------------------------------------------------------------------

  private attach(entry: Entry): Entry {
    this.awaken(entry)
    this.watchIdle(entry)
    this.watchLog(entry)
    return entry
  }

  /** Its subscribers go on with a runtime that slept here; meanwhile another process may have ended it, or that life of it. */
  private awaken(entry: Entry): void {
    for (const subscriber of this.wake(entry.id)) {
      if (subscriber.follow(entry) && !entry.isOver) entry.register(subscriber)
      else subscriber.end("terminated")
    }
  }

  private wake(id: string): Iterable<Subscriber> {
    const subscribers = this.dormant.get(id) ?? []
    this.dormant.delete(id)
    return subscribers
  }

  /** Looks once in a while; an entry that was used meanwhile stays. */
  private watchIdle(entry: Entry): void {
    const { millis, now, timers } = this.kernel
    if (millis.maxIdleTime === Number.POSITIVE_INFINITY) return
    let timer: Timer
    const look = (): void => {
      if (entry.isOver) return
      const idleFor = now() - entry.usedAt
      if (idleFor >= millis.maxIdleTime && this.passivate(entry)) return
      // One that has to stay is looked at again after as long: it may wait for days.
      timer = timers.set(
        now() + (idleFor < millis.maxIdleTime ? millis.maxIdleTime - idleFor : millis.maxIdleTime),
        look
      )
    }
    timer = timers.set(now() + millis.maxIdleTime, look)
    ;(entry.onClosed ??= new Set()).add(() => timers.cancel(timer))
  }

  private passivate(entry: Entry): boolean {
    if (entry.phase !== "active" || !entry.isQuiet || entry.waiting.delayed > 0) return false
    if (entry.watchers !== undefined || this.reading.has(entry)) return false
    entry.flush()
    const subscribers = entry.broadcast?.subscribers
    for (const subscriber of subscribers ?? []) if (!subscriber.isLive) return false
    const { epoch, id, sequence } = entry
    entry.phase = "passivated"
    entry.journal?.stop()
    this.kernel.unlink(entry)
    entry.onClosed = undefined
    if (subscribers === undefined) return true
    entry.broadcast = undefined
    this.dormant.set(id, subscribers)
    const release = (subscriber: Subscriber): void => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0 && this.dormant.get(id) === subscribers) this.dormant.delete(id)
    }
    const history = new History(this.kernel, sequence + 1)
    const source = { epoch, sequence, history, attempt: undefined, flush: () => {}, release }
    for (const subscriber of subscribers) subscriber.follow(source)
    return true
  }

  /** The process ends: subscribers of runtimes that sleep are told to come back. */
  close(): void {
    for (const subscribers of this.dormant.values()) for (const subscriber of subscribers) subscriber.end("shutdown")
    this.dormant.clear()
  }

  // -- retention -------------------------------------------------------------------------------------------------------

  /** Compacts the stored log each time that it has grown by its retention, over all its lives. */
  private watchLog(entry: Entry): void {
    const { stateRetention: states } = this.kernel.config
    const log = this.kernel.historyRetention
    const period = Math.max(log, 100)
    entry.onCommitted = () => {
      if (entry.sequence % period !== 0) return
      this.kernel.fork(Effect.ignore(this.store.compact(entry.journal!.handle, { log, states })), this.kernel.context)
    }
  }

  // -- what is not in memory -------------------------------------------------------------------------------------------

  /** What the store says of runtimes that match, read page by page until there are enough. */
  sleeping(
    options: { readonly agent: string | undefined; readonly after: string | undefined; readonly limit: number },
    hostOf: (agent: string) => Host | undefined,
    matches: (info: AgentRuntimeState.RuntimeInfo) => boolean
  ): Effect.Effect<ReadonlyArray<AgentRuntimeState.RuntimeInfo>, AgentError.StoreUnavailable> {
    return Effect.flatMap(this.store.list(options), (stored) => {
      const infos: Array<AgentRuntimeState.RuntimeInfo> = []
      for (const one of stored) {
        const host = hostOf(one.agent)
        const info = host === undefined ? undefined : this.describe(one, host)
        if (info !== undefined && matches(info)) infos.push(info)
      }
      const last = stored[stored.length - 1]
      if (infos.length >= options.limit || last === undefined || stored.length < options.limit)
        return Exit.succeed(infos)
      const rest = this.sleeping({ ...options, after: last.id, limit: options.limit - infos.length }, hostOf, matches)
      return Effect.map(rest, (more) => [...infos, ...more])
    })
  }

  /** The info of a runtime that is not in memory; one that cannot be read is in `error`, its state as it is stored. */
  private describe({ epoch, id, info, sequence, state, terminated, version }: Stored, host: Host) {
    const entry = new Entry(this.kernel, id, epoch, host, state, sequence, undefined)
    try {
      // Read as a whole first: what cannot be read is not half told.
      Object.assign(entry, { state: Result.getOrThrow(host.decodeState(state, version)), ...decodeInfo(info) })
    } catch {
      entry.failing = true
    }
    if (terminated) entry.phase = "closed"
    return entry.info
  }

  /** A state that was kept at exactly this sequence. */
  stateAt(
    entry: Entry,
    sequence: number
  ): Effect.Effect<{ readonly state: unknown } | undefined, AgentError.StoreUnavailable> {
    return Effect.map(this.store.stateAt(entry.id, sequence), (kept) => {
      if (kept === undefined || kept.sequence !== sequence) return undefined
      const state = entry.host.decodeState(kept.state, kept.version)
      return Result.isSuccess(state) ? { state: state.success } : undefined
    })
  }
}

interface Restored {
  readonly one: Pending
  readonly activity: Activity
}

/** What is stored of a runtime; throws what is wrong where it cannot be read. */
const decodeOpened = (kernel: Kernel, host: Host, opened: Opened) => ({
  state: Result.getOrThrowWith(host.decodeState(opened.state, opened.version), (why) => new Error(why)),
  info: decodeInfo(opened.info),
  deadLetters: opened.deadLetters.map(({ position, value }) => ({ ...decodeDead(kernel, host, value), position })),
  // Of one that has ended nothing goes on.
  pending: opened.terminated
    ? []
    : opened.pending.map((one): Restored => ({ one, activity: decodePending(kernel, host, one) })),
  outbox: opened.terminated
    ? []
    : opened.outbox.map(({ position, value }) => ({ position, outgoing: decodeOutgoing(value) }))
})

const unreadable = ({ id, terminated, version }: Opened, why: string) => {
  const what = `The stored runtime "${id}" cannot be read: ${why}.`
  const cure = terminated
    ? "It has ended; purge removes it."
    : `Nothing of it was changed; terminate it with mode "immediate" to give it up.`
  return new AgentError.StateUnreadable({ id, version, message: `${what} ${cure}` })
}
