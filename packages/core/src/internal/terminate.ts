import { Duration, Effect } from "effect"
import type { TerminateOptions } from "../AgentRuntime.ts"
import type { Entry } from "./entry.ts"
import { CurrentEntry } from "./host.ts"
import { abandon, interrupt } from "./processing.ts"

/**
 * Ends a runtime and waits until it has ended; interrupting the wait does not stop the end. A workflow that ends its own
 * runtime does not wait, for its own end is part of what would be waited for.
 */
export const terminate = (entry: Entry, options: TerminateOptions): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const grace = options.grace === undefined ? entry.kernel.millis.grace : Duration.toMillis(options.grace)
    beginTermination(entry, options.mode ?? "drain", grace)
    if (fiber.getRef(CurrentEntry) === entry) return Effect.void
    return awaitClosed(entry)
  })

/** Starts the end of a runtime. What does not end within the grace is interrupted, then abandoned. */
export const beginTermination = (entry: Entry, mode: "drain" | "immediate", graceMillis: number): void => {
  if (entry.phase === "closed") return
  const { timers } = entry.kernel
  const deadline = entry.kernel.clock.currentTimeMillisUnsafe() + graceMillis
  if (mode === "immediate") {
    entry.phase = "draining"
    entry.failWaiting()
    interrupt(entry, { _tag: "terminate" })
    if (entry.current === undefined) return entry.close()
    const alarm = timers.set(deadline, () => {
      abandon(entry)
      entry.close()
    })
    ;(entry.onClosed ??= []).push(() => timers.cancel(alarm))
    entry.changed()
    return
  }
  if (entry.phase === "draining") return
  entry.phase = "draining"
  entry.cancelDelayed()
  entry.rejectSenders()
  if (entry.current === undefined && entry.waiting === 0) return entry.close()
  const alarm = timers.set(deadline, () => beginTermination(entry, "immediate", graceMillis))
  ;(entry.onClosed ??= []).push(() => timers.cancel(alarm))
  entry.changed()
  entry.wake()
}

export const awaitClosed = (entry: Entry): Effect.Effect<void> =>
  Effect.suspend(() =>
    entry.phase === "closed"
      ? Effect.void
      : Effect.callback<void>((resume) => {
          const notify = () => resume(Effect.void)
          const waiting = (entry.onClosed ??= [])
          waiting.push(notify)
          return Effect.sync(() => {
            const index = waiting.indexOf(notify)
            if (index >= 0) waiting.splice(index, 1)
          })
        })
  )
