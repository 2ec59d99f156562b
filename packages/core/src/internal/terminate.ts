import { AgentError } from "@agent-runtime/schema"
import { Duration, Effect } from "effect"
import type { TerminateOptions } from "../AgentRuntime.ts"
import type { Entry } from "./entry.ts"
import { CurrentEntry } from "./host.ts"
import { encodeReturned } from "./persisted.ts"
import { abandon, interrupt } from "./processing.ts"

/**
 * Ends a runtime and waits until it has ended; interrupting the wait does not stop the end. A workflow that ends its own
 * runtime does not wait, for its own end is part of what would be waited for.
 */
export const terminate = (entry: Entry, options: TerminateOptions): Effect.Effect<void, AgentError.StoreUnavailable> =>
  Effect.withFiber((fiber) => {
    const grace = options.grace === undefined ? entry.kernel.millis.grace : Duration.toMillis(options.grace)
    beginTermination(entry, options.mode ?? "drain", grace)
    if (fiber.getRef(CurrentEntry) === entry) return Effect.void
    if (entry.journal === undefined) return awaitClosed(entry)
    const message = `The end of "${entry.id}" could not be written yet`
    const unwritten = Effect.failSync(() => new AgentError.StoreUnavailable({ message }))
    const written = Effect.flatMap(awaitClosed(entry), () => (entry.reason === "shutdown" ? unwritten : Effect.void))
    return Effect.timeoutOrElse(written, { duration: lastMoment(grace), orElse: () => unwritten })
  })

/** Until then, in milliseconds, an end has been written, or its store is unavailable. */
const lastMoment = (graceMillis: number): number => Math.max(3 * graceMillis, 1000)

/** How long, in milliseconds, a process that ends waits for what it has interrupted: others kill it when it takes its time. */
export const lastChance = (graceMillis: number): number => Math.min(graceMillis, 500)

/**
 * Starts the end of a runtime. What does not end within the grace is interrupted, and abandoned where it does not end within
 * `lastMillis` then: within the shortest grace where several ask.
 */
export const beginTermination = (
  entry: Entry,
  mode: "drain" | "immediate",
  graceMillis: number,
  lastMillis = graceMillis
): void => {
  const until = entry.now + graceMillis
  if (entry.isOver) return
  const isBegun = entry.immediate || (mode === "drain" && entry.isEnding)
  if (isBegun && until >= entry.endsBy) return
  if (entry.parking) {
    if (entry.isDelivering) return
    // This process was letting go of it: it ends for good now.
    entry.reason = "terminated"
  }
  entry.endsBy = until
  entry.phase = "draining"
  entry.waiting.releaseSenders()
  if (mode === "immediate" || entry.immediate) {
    entry.immediate = true
    entry.failWaiting()
    interrupt(entry, "terminate")
    within(entry, graceMillis, () => {
      abandon(entry)
      entry.finish()
    })
  } else {
    entry.cancelHeld()
    within(entry, graceMillis, () => beginTermination(entry, "immediate", lastMillis))
  }
  entry.changed()
  entry.closeIfDrained()
  entry.wake()
}

/**
 * Lets go of a runtime that lives on in its store: what runs is finished within the grace, else it will run again; what
 * waits stays. One whose end was asked for before ends for good, unless the next process can still deliver what it sent.
 */
export const park = (entry: Entry, graceMillis: number): void => {
  if (entry.isOver || entry.parking) return
  const last = lastChance(graceMillis)
  if (entry.phase === "draining" && !entry.isDelivering) return leaveWithin(entry, graceMillis + last)
  entry.phase = "draining"
  entry.reason = "shutdown"
  entry.waiting.releaseSenders()
  within(entry, graceMillis, () => {
    if (entry.parking) {
      interrupt(entry, "shutdown")
      returnRunning(entry)
    }
    leaveWithin(entry, last)
  })
  entry.closeIfDrained()
}

/** The store is told that what runs goes back before it is known whether it will: else it would take it for a crash. */
const returnRunning = ({ attempt, journal }: Entry): void => {
  if (attempt === undefined || attempt.committing) return
  const update = [encodeReturned(attempt.activity, undefined, true)]
  journal?.push({ change: () => ({ update }), apply: () => undefined })
}

const leaveWithin = (entry: Entry, millis: number): void =>
  within(entry, millis, () => {
    entry.reason = "shutdown"
    entry.close()
  })

const within = (entry: Entry, millis: number, late: () => void): void => {
  const { now, timers } = entry.kernel
  if (entry.isOver || millis === Number.POSITIVE_INFINITY) return
  const alarm = timers.set(now() + millis, late)
  ;(entry.onClosed ??= new Set()).add(() => timers.cancel(alarm))
}

export const awaitClosed = (entry: Entry): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const notify = () => resume(Effect.void)
    if (entry.isOver) return notify()
    ;(entry.onClosed ??= new Set()).add(notify)
    return Effect.sync(() => entry.onClosed?.delete(notify))
  })
