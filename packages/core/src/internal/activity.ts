import type { ActivityId, AgentError, AgentEvent, Priority, Receipt } from "@agent-runtime/schema"
import type { Exit, Fiber, Tracer } from "effect"
import type { SendOptions } from "../AgentRuntime.ts"
import type { CompiledType } from "./host.ts"
import type { RetryStep } from "./retry.ts"
import type { Timer } from "./timers.ts"

/** Who asked for the interruption of a running activity, and so what becomes of it. */
export type Interruption = "cancel" | "requeue" | "shutdown" | "terminate" | "timeout"

/** What only a running attempt has. */
export interface Attempt {
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  timer: Timer | undefined
  /** Why the fiber was interrupted, once it was. */
  interruption: Interruption | undefined
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Its end is being written, by itself or by who supersedes it: nobody else can interrupt it now. */
  committing: boolean
  /** The exit of the fiber, where it came while another end was being written. */
  exit: Exit.Exit<unknown, unknown> | undefined
  /** What this attempt emitted so far, oldest first, bounded by `emittedRetention`. */
  emitted: Array<AgentEvent.Emitted>
  emittedCount: number
  /** What goes out to other runtimes, and to this one later, when the attempt commits. */
  outbox: Array<Outgoing> | undefined
}

/** An activity that a workflow sent, to be delivered after its own activity has committed. */
export interface Outgoing {
  readonly runtimeId: string
  readonly request: { readonly type: string; readonly payload?: unknown }
  readonly options: SendOptions & { readonly id: ActivityId.ActivityId }
}

/** One accepted activity, from acceptance until its receipt is forgotten. Also the element of the mailbox. */
export class Activity {
  readonly id: ActivityId.ActivityId
  readonly kind: CompiledType
  readonly payload: unknown
  readonly priority: Priority.Priority
  readonly acceptedAt: number
  readonly options: SendOptions | undefined
  /** The ids of the runtimes that wait for this activity, outermost first. */
  readonly chain: ReadonlyArray<string>
  readonly parent: Tracer.AnySpan | undefined
  status: Receipt.Status = "accepted"
  attempts = 0
  /** Since when it waits in its lane. */
  queuedAt = 0
  endedAt = 0
  sequence: number | undefined = undefined
  /** Set once it has ended. */
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** Set when this process lets go of it before it has ended: what who waits for it is told. */
  lost: Exit.Exit<never, AgentError.AgentRuntimeTerminated> | undefined = undefined
  /** Its place in the store, 0 where there is none. */
  position = 0
  /** How many of its attempts the process did not survive. */
  crashes = 0
  /** Until its acceptance is written: who is told of it. */
  private accepting: Array<(refused: AgentError.StoreUnavailable | undefined) => void> | undefined = undefined
  /** The error of its receipt, for every end but success. */
  error: Receipt.ErrorJson | undefined = undefined
  /** Held back until this alarm: delayed, or waiting for its retry. */
  timer: Timer | undefined = undefined
  retry: RetryStep | undefined = undefined
  private waiters: Array<() => void> | undefined = undefined

  constructor(
    id: ActivityId.ActivityId,
    kind: CompiledType,
    payload: unknown,
    priority: Priority.Priority,
    acceptedAt: number,
    options: SendOptions | undefined,
    chain: ReadonlyArray<string>,
    parent: Tracer.AnySpan | undefined
  ) {
    this.id = id
    this.kind = kind
    this.payload = payload
    this.priority = priority
    this.acceptedAt = acceptedAt
    this.options = options
    this.chain = chain
    this.parent = parent
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

  get isAccepted(): boolean {
    return this.accepting === undefined
  }

  beginAccepting(): void {
    this.accepting = []
  }

  onAccepted(notify: (refused: AgentError.StoreUnavailable | undefined) => void): void {
    this.accepting?.push(notify)
  }

  endAccepting(refused: AgentError.StoreUnavailable | undefined): void {
    const accepting = this.accepting ?? []
    this.accepting = undefined
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
    const waiters = this.waiters
    this.waiters = undefined
    return waiters
  }
}
