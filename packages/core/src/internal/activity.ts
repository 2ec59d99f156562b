import type { ActivityId, AgentError, Priority, Receipt } from "@agent-runtime/schema"
import type { Exit, Tracer } from "effect"
import type { SendOptions } from "../AgentRuntime.ts"
import * as Callbacks from "./callbacks.ts"
import type { Dispatcher } from "./dispatcher.ts"
import type { CompiledType } from "./host.ts"
import type { RetryStep } from "./retry.ts"
import type { Timer } from "./timers.ts"

/** Where an activity comes from, where there is more to say than nothing. */
export interface Origin {
  /** The id its sender gave. */
  readonly id: string | undefined
  readonly options: SendOptions | undefined
  /** The ids of the runtimes that wait for this activity, outermost first. */
  readonly chain: ReadonlyArray<string>
  readonly parent: Tracer.AnySpan | undefined
}

/** What not every activity has. */
class Rare {
  /** Held back until this alarm: delayed, or waiting for its retry. */
  timer: Timer | undefined = undefined
  retry: RetryStep | undefined = undefined
  /** The error of its receipt, for every end but success. */
  error: Receipt.ErrorJson | undefined = undefined
  /** Its place in the store, 0 where there is none. */
  position = 0
  /** Its place in the outbox of who sent it, 0 where there is none. */
  outbox = 0
  /** How many of its attempts the process did not survive. */
  crashes = 0
  /** How many of its attempts failed and were to be retried. */
  failures = 0
  /** Set when this process lets go of it before it has ended: what who waits for it is told. */
  lost: AgentError.StoreUnavailable | undefined = undefined
  /** Why it was not accepted after all. */
  refused: AgentError.StoreUnavailable | undefined = undefined
  /** Until its acceptance is written: who is told of it. */
  accepting: Array<(refused: AgentError.StoreUnavailable | undefined) => void> | undefined = undefined
}

/**
 * One accepted activity, from acceptance until its receipt and event are forgotten. Also the element of the mailbox.
 *
 * Many are alive at once, so it is small: what few have is in `origin` and `rare`, and its times are milliseconds since
 * the manager started, which V8 keeps without a box.
 */
export class Activity {
  readonly kind: CompiledType
  readonly payload: unknown
  readonly priority: Priority.Priority
  /** Counts the ids made up here, 0 where the sender gave one. */
  readonly serial: number
  private readonly origin: Origin | undefined
  private readonly accepted: number
  /** Since when it waits in its lane; once it has ended, since when. */
  since: number
  status: Receipt.Status = "accepted"
  attempts = 0
  /** The place of its end in the log, 0 until then. */
  sequence = 0
  /** Set once it has ended. */
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** Who is told of its end. */
  private waiters: Callbacks.Callback | undefined = undefined
  private extra: Rare | undefined = undefined

  /** `now` is in milliseconds since the manager started. */
  constructor(
    kind: CompiledType,
    payload: unknown,
    priority: Priority.Priority,
    now: number,
    origin: Origin | undefined
  ) {
    this.kind = kind
    this.payload = payload
    this.priority = priority
    this.serial = origin === undefined || origin.id === undefined ? kind.kernel.ids.next() : 0
    this.origin = origin
    this.accepted = now
    this.since = now
  }

  get id(): ActivityId.ActivityId {
    // Checked where it was given.
    return (this.origin?.id ?? this.kind.kernel.ids.format(this.serial)) as ActivityId.ActivityId
  }
  get type(): string {
    return this.kind.name
  }
  /** Milliseconds since the Unix epoch. */
  get acceptedAt(): number {
    return this.kind.kernel.startedAt + this.accepted
  }
  /** Milliseconds since the Unix epoch. */
  get endedAt(): number {
    return this.kind.kernel.startedAt + this.since
  }
  get options(): SendOptions | undefined {
    return this.origin?.options
  }
  get chain(): ReadonlyArray<string> {
    return this.origin?.chain ?? noChain
  }
  get parent(): Tracer.AnySpan | undefined {
    return this.origin?.parent
  }
  get correlationId(): string | undefined {
    return this.origin?.options?.correlationId
  }
  get source(): string | undefined {
    return this.origin?.options?.source
  }
  get metadata(): Readonly<Record<string, string>> | undefined {
    return this.origin?.options?.metadata
  }

  get rare(): Rare {
    return (this.extra ??= new Rare())
  }
  get crashes(): number {
    return this.extra === undefined ? 0 : this.extra.crashes
  }
  get position(): number {
    return this.extra === undefined ? 0 : this.extra.position
  }
  get error(): Rare["error"] {
    return this.extra?.error
  }
  get lost(): Rare["lost"] {
    return this.extra?.lost
  }

  /** Whether it has yet to end, and this process will see that. */
  get isPending(): boolean {
    return this.exit === undefined && this.extra?.lost === undefined
  }

  get isAccepted(): boolean {
    return this.extra?.accepting === undefined
  }

  beginAccepting(): void {
    this.rare.accepting = []
  }

  /** Calls back once it is known whether the activity is accepted: at once where it is. */
  onAccepted(notify: (refused: AgentError.StoreUnavailable | undefined) => void): void {
    const accepting = this.extra?.accepting
    if (accepting === undefined) notify(this.extra?.refused)
    else accepting.push(notify)
  }

  endAccepting(refused: AgentError.StoreUnavailable | undefined): void {
    const accepting = this.rare.accepting ?? []
    this.rare.accepting = undefined
    this.rare.refused = refused
    for (const notify of accepting) notify(refused)
  }

  /** Calls back once the activity has ended, at once where it has; answers how to stop waiting. */
  onEnd(notify: () => void): () => void {
    const waiter = new Callbacks.Callback(notify)
    if (this.isPending) this.waiters = Callbacks.add(this.waiters, waiter)
    else notify()
    return () => {
      this.waiters = Callbacks.remove(this.waiters, waiter)
    }
  }

  /** Tells who waits, after this step. */
  tellWaiters(dispatcher: Dispatcher): void {
    const { waiters } = this
    if (waiters === undefined) return
    this.waiters = undefined
    Callbacks.forEach(waiters, dispatcher.defer)
  }
}

export const noChain: ReadonlyArray<string> = []
