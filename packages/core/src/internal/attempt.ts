import { type ActivityId, type AgentEvent, type AgentRuntimeId, AgentError } from "@agent-runtime/schema"
import { Duration, Effect, Exit, type Fiber, Result } from "effect"
import type { SendOptions, WireRequest } from "../AgentRuntime.ts"
import type { WorkflowContext } from "../Workflow.ts"
import type { Activity } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { isTyped, toWire } from "./host.ts"
import { derived } from "./ids.ts"
import type { Timer } from "./timers.ts"
import { checkOptions, checkPayload } from "./validate.ts"

/** Who asked for the interruption of a running activity, and so what becomes of it. */
export type Interruption = "cancel" | "requeue" | "shutdown" | "terminate" | "timeout"

/** An activity that a workflow sent, to be delivered after its own activity has committed. */
export interface Outgoing {
  readonly runtimeId: string
  readonly request: WireRequest
  readonly options: SendOptions & { readonly id: ActivityId.ActivityId }
}

/** One run of a workflow, and what its handler is given to work with. After it has ended it does nothing more. */
export class Attempt implements WorkflowContext {
  readonly entry: Entry
  readonly activity: Activity
  /** Milliseconds since the manager started. */
  startedAt: number
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  timer: Timer | undefined = undefined
  /** Why the fiber was interrupted, once it was. */
  interruption: Interruption | undefined = undefined
  /** Its end is being written, by itself or by who supersedes it: nobody else can interrupt it now. */
  committing = false
  /** The exit of the fiber, where it came while another end was being written. */
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** What it emitted so far, oldest first, bounded by `emittedRetention`. */
  emitted: ReadonlyArray<AgentEvent.Emitted> = none
  private emittedCount = 0
  /** The ids of the runtimes whose answers it waits for. */
  asking: Array<string> | undefined = undefined
  /** The id of the activity, once it was asked for: to spell it costs more than to emit. */
  private spelled: ActivityId.ActivityId | undefined = undefined
  /** What goes out to other runtimes, and to this one later, when it commits. */
  outbox: Array<Outgoing> | undefined = undefined

  constructor(entry: Entry, activity: Activity, startedAt: number) {
    this.entry = entry
    this.activity = activity
    this.startedAt = startedAt
  }

  get attempt(): number {
    return this.activity.attempts
  }
  get runtimeId(): AgentRuntimeId.AgentRuntimeId {
    return this.entry.id
  }
  get epoch(): number {
    return this.entry.epoch
  }
  get activityId(): ActivityId.ActivityId {
    return (this.spelled ??= this.activity.id)
  }

  get checkpoint(): Effect.Effect<boolean> {
    return Effect.sync(() => this.entry.waiting.hasMoreUrgent(this.activity.priority))
  }

  // A handler may take its context apart, `({ emit }) => emit(1)`, but for `emitUnsafe`: a bound one is slower.

  get emit(): WorkflowContext["emit"] {
    return (value) => Effect.sync(() => this.emitUnsafe(value))
  }

  get send(): WorkflowContext["send"] {
    return (runtimeId, request, options) => this.sendLater(runtimeId, request as WireRequest, options)
  }

  get schedule(): WorkflowContext["schedule"] {
    return (request, delay, options) => this.scheduleLater(request, delay, options)
  }

  emitUnsafe(value: unknown): void {
    const { activity, entry } = this
    if (entry.attempt !== this || this.committing) return
    if (entry.host.isEmitted !== undefined && !entry.host.isEmitted(value)) {
      throw new TypeError(`What "${activity.type}" emitted does not fit the agent's "emits" schema`)
    }
    const event: AgentEvent.Emitted = {
      _tag: "Emitted",
      activityId: this.activityId,
      type: activity.type,
      attempt: activity.attempts,
      index: this.emittedCount++,
      value,
      at: entry.kernel.startedAt + entry.kernel.dispatcher.now
    }
    this.keep(event)
    entry.broadcast?.add(event, activity)
  }

  private keep(event: AgentEvent.Emitted): void {
    const { emittedRetention } = this.entry.kernel.config
    if (emittedRetention === 0) return
    if (this.emitted === none) this.emitted = []
    const emitted = this.emitted as Array<AgentEvent.Emitted>
    emitted.push(event)
    // Cut back now and then, not at every push.
    if (emitted.length >= 2 * emittedRetention) this.emitted = emitted.slice(-emittedRetention)
  }

  private sendLater(
    runtimeId: string,
    request: WireRequest,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid> {
    return Effect.suspend(() => {
      const { maxPayloadBytes } = this.entry.kernel.config
      const invalid = checkOptions(options, maxPayloadBytes) ?? checkPayload(request.payload, maxPayloadBytes)
      if (invalid !== undefined) return Exit.fail(invalid)
      const wire = toWire(request)
      if (Result.isFailure(wire)) return Exit.fail(wire.failure)
      // Derived from the activity's own id, so that an attempt that is run again sends under the same ids.
      const outbox = (this.outbox ??= [])
      const id = (options?.id as ActivityId.ActivityId | undefined) ?? derived(this, outbox.length)
      outbox.push({ runtimeId, request: wire.success, options: { ...options, id } })
      return Exit.succeed(id)
    })
  }

  private scheduleLater(
    request: WireRequest,
    delay: Duration.Input,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid> {
    return Effect.suspend(() => {
      const kind = this.entry.host.find(request.type)
      if (kind === undefined) {
        return Exit.fail(AgentError.ActivityInvalid.of(["type"], `"${request.type}" is no activity of this agent`))
      }
      const checked = isTyped(request) ? kind.make(request.payload) : kind.decode(request.payload)
      if (checked instanceof AgentError.ActivityInvalid) return Exit.fail(checked)
      const deliverAt = this.entry.kernel.clock.currentTimeMillisUnsafe() + Duration.toMillis(delay)
      return this.sendLater(this.entry.id, request, { ...options, deliverAt })
    })
  }
}

const none: ReadonlyArray<AgentEvent.Emitted> = []
