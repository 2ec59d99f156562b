import type { ActivityId, AgentError, Priority, Receipt } from "@agent-runtime/schema"
import type { Exit, Tracer } from "effect"
import type { SendOptions } from "../AgentRuntime.ts"
import type { CompiledType } from "./host.ts"
import type { Ids } from "./ids.ts"
import type { RetryStep } from "./retry.ts"
import type { Timer } from "./timers.ts"

/** What few activities have: those that are held back, retried, or were written by a store. */
interface Rare {
  /** Held back until this alarm: delayed, or waiting for its retry. */
  timer: Timer | undefined
  retry: RetryStep | undefined
  /** How many of its attempts the process did not survive. */
  crashes: number
  /** Set when this process lets go of it before it has ended: what who waits for it is told. */
  lost: Exit.Exit<never, AgentError.AgentRuntimeTerminated> | undefined
  /** Until its acceptance is written: who is told of it. */
  accepting: Array<(refused: AgentError.StoreUnavailable | undefined) => void> | undefined
}

/** One accepted activity, from acceptance until its receipt and event are forgotten. Also the element of the mailbox. */
export class Activity {
  readonly kind: CompiledType
  readonly payload: unknown
  readonly priority: Priority.Priority
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly acceptedAt: number
  readonly options: SendOptions | undefined
  /** The ids of the runtimes that wait for this activity, outermost first. */
  readonly chain: ReadonlyArray<string>
  readonly parent: Tracer.AnySpan | undefined
  /** Counts the ids made up here, 0 where the sender gave one. */
  readonly serial: number
  private readonly ids: Ids
  private text: string | undefined
  status: Receipt.Status = "accepted"
  attempts = 0
  /** Since when it waits in its lane. */
  queuedAt: number
  endedAt = 0
  /** The place of its end in the log, 0 until then. */
  sequence = 0
  /** Set once it has ended. */
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** The error of its receipt, for every end but success. */
  error: Receipt.ErrorJson | undefined = undefined
  /** Its place in the store, 0 where there is none. */
  position = 0
  private waiters: Array<() => void> | undefined = undefined
  private extra: Rare | undefined = undefined

  constructor(
    ids: Ids,
    id: string | undefined,
    kind: CompiledType,
    payload: unknown,
    priority: Priority.Priority,
    acceptedAt: number,
    options: SendOptions | undefined,
    chain: ReadonlyArray<string>,
    parent: Tracer.AnySpan | undefined
  ) {
    this.ids = ids
    this.text = id
    this.serial = id === undefined ? ids.next() : 0
    this.kind = kind
    this.payload = payload
    this.priority = priority
    this.acceptedAt = acceptedAt
    this.queuedAt = acceptedAt
    this.options = options
    this.chain = chain
    this.parent = parent
  }

  get id(): ActivityId.ActivityId {
    // Checked where it was given.
    return (this.text ??= this.ids.format(this.serial)) as ActivityId.ActivityId
  }
  get type(): string {
    return this.kind.name
  }
  get correlationId(): string | undefined {
    return this.options?.correlationId
  }
  get source(): string | undefined {
    return this.options?.source
  }
  get metadata(): Readonly<Record<string, string>> | undefined {
    return this.options?.metadata
  }

  get rare(): Rare {
    return (this.extra ??= { timer: undefined, retry: undefined, crashes: 0, lost: undefined, accepting: undefined })
  }
  get crashes(): number {
    return this.extra === undefined ? 0 : this.extra.crashes
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

  onAccepted(notify: (refused: AgentError.StoreUnavailable | undefined) => void): void {
    this.extra?.accepting?.push(notify)
  }

  endAccepting(refused: AgentError.StoreUnavailable | undefined): void {
    const accepting = this.rare.accepting ?? []
    this.rare.accepting = undefined
    for (const notify of accepting) notify(refused)
  }

  /** Calls back once the activity has ended; answers how to stop waiting. */
  onEnd(notify: () => void): () => void {
    const waiters = (this.waiters ??= [])
    waiters.push(notify)
    return () => {
      const index = waiters.indexOf(notify)
      if (index >= 0) waiters.splice(index, 1)
    }
  }

  takeWaiters(): ReadonlyArray<() => void> | undefined {
    const { waiters } = this
    if (waiters !== undefined) this.waiters = undefined
    return waiters
  }
}
