import { type ActivityId, type AgentRuntimeId, AgentError } from "@agent-runtime/schema"
import { Duration, Effect, Exit, Result } from "effect"
import type { SendOptions, WireRequest } from "../AgentRuntime.ts"
import type { WorkflowContext } from "../Workflow.ts"
import type { Activity, Attempt } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { toWire } from "./host.ts"
import { checkOptions, checkPayload } from "./validate.ts"

/** What a handler is given to work with, for one attempt. After that attempt has ended it does nothing. */
export class WorkflowRun implements WorkflowContext {
  private readonly entry: Entry
  private readonly activity: Activity
  private readonly own: Attempt
  readonly attempt: number

  constructor(entry: Entry, activity: Activity, attempt: Attempt) {
    this.entry = entry
    this.activity = activity
    this.own = attempt
    this.attempt = activity.attempts
  }

  get runtimeId(): AgentRuntimeId.AgentRuntimeId {
    return this.entry.id
  }
  get epoch(): number {
    return this.entry.epoch
  }
  get activityId(): ActivityId.ActivityId {
    return this.activity.id
  }

  get checkpoint(): Effect.Effect<boolean> {
    return Effect.sync(() => this.entry.waiting.hasMoreUrgent(this.activity.priority))
  }

  emit(value: unknown): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { activity, entry, own } = this
      if (entry.attempt !== own || own.committing) return Exit.void
      if (entry.host.isEmitted !== undefined && !entry.host.isEmitted(value)) {
        return Exit.die(new TypeError(`What "${activity.type}" emitted does not fit the agent's "emits" schema`))
      }
      const event = {
        _tag: "Emitted",
        activityId: activity.id,
        type: activity.type,
        attempt: this.attempt,
        index: own.emittedCount++,
        value,
        at: entry.kernel.clock.currentTimeMillisUnsafe()
      } as const
      if (own.emittedCount === 1) own.emitted = [event]
      else {
        own.emitted.push(event)
        if (own.emitted.length > 2 * entry.kernel.config.emittedRetention) {
          own.emitted = own.emitted.slice(-entry.kernel.config.emittedRetention)
        }
      }
      entry.emit(event, activity)
      return Exit.void
    })
  }

  send(
    runtimeId: string,
    request: WireRequest,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid> {
    return Effect.suspend(() => {
      const invalid = checkOptions(options) ?? checkPayload(request.payload, this.entry.kernel.config.maxPayloadBytes)
      if (invalid !== undefined) return Exit.fail(invalid)
      const wire = toWire(request)
      if (Result.isFailure(wire)) return Exit.fail(wire.failure)
      // Derived from the activity's own id, so that an attempt that is run again sends under the same ids.
      const index = this.own.outbox?.length ?? 0
      const id = (options?.id ?? `${this.activity.id.slice(0, 112)}:${index}`) as ActivityId.ActivityId
      ;(this.own.outbox ??= []).push({ runtimeId, request: wire.success, options: { ...options, id } })
      return Exit.succeed(id)
    })
  }

  schedule(
    request: WireRequest,
    delay: Duration.Input,
    options?: SendOptions
  ): Effect.Effect<ActivityId.ActivityId, AgentError.ActivityInvalid> {
    return Effect.suspend(() => {
      const kind = this.entry.host.find(request.type)
      if (kind === undefined) {
        return Exit.fail(AgentError.ActivityInvalid.of(["type"], `"${request.type}" is no activity of this agent`))
      }
      const checked = "activityType" in request ? kind.make(request.payload) : kind.decode(request.payload)
      if (Result.isFailure(checked)) return Exit.fail(checked.failure)
      const deliverAt = this.entry.kernel.clock.currentTimeMillisUnsafe() + Duration.toMillis(delay)
      return this.send(this.entry.id, request, { ...options, deliverAt })
    })
  }
}
