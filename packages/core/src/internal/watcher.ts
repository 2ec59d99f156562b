import type { AgentRuntimeState } from "@agent-runtime/schema"
import { type Array as Arr, Cause, Effect, Exit, type Pull, Stream } from "effect"
import type { Entry } from "./entry.ts"

/** Follows the info of a runtime: what changes while nobody reads collapses into the latest. */
class Watcher {
  private readonly entry: Entry
  private dirty = true
  private last = false
  private waiting: (() => void) | undefined = undefined

  constructor(entry: Entry) {
    this.entry = entry
  }

  readonly notify = (): void => {
    this.dirty = true
    const { waiting } = this
    if (waiting === undefined) return
    this.waiting = undefined
    this.entry.kernel.dispatcher.defer(waiting)
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<AgentRuntimeState.RuntimeInfo>> = Effect.suspend(() => {
    if (this.last) return Cause.done()
    if (!this.dirty) return Effect.flatMap(this.wait, () => this.pull)
    this.dirty = false
    this.last = this.entry.isOver
    return Exit.succeed([this.entry.info])
  })

  private readonly wait = Effect.callback<void>((resume) => {
    this.waiting = () => resume(Effect.void)
    // The fiber may have yielded since it looked.
    if (this.dirty) this.notify()
    return Effect.sync(() => {
      this.waiting = undefined
    })
  })
}

/** The info now and after each change, until the runtime has ended. */
export const changes = (entry: Entry): Stream.Stream<AgentRuntimeState.RuntimeInfo> =>
  Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const watcher = new Watcher(entry)
          if (entry.phase !== "closed") (entry.watchers ??= new Set()).add(watcher.notify)
          return watcher
        }),
        (watcher) =>
          Effect.sync(() => {
            entry.watchers?.delete(watcher.notify)
            if (entry.watchers?.size === 0) entry.watchers = undefined
          })
      ),
      (watcher) => Stream.fromPull(Effect.succeed(watcher.pull))
    )
  )
