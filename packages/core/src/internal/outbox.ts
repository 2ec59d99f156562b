import { AgentError, type Receipt } from "@agent-runtime/schema"
import { Cause, Exit } from "effect"
import type { Outgoing } from "./attempt.ts"
import type { Entry } from "./entry.ts"
import { deadOutgoing, encodeDead } from "./persisted.ts"

/** How often a delivery to a full mailbox is tried again: 50 ms, doubling, about 6 seconds in all. */
const maxRetries = 7

/**
 * Delivers what a workflow sent. A full mailbox is tried again for a while; a store that is down, or a runtime of it that nobody
 * here can run yet or any more, for as long as it takes: what was sent is on record, and a later life goes on with it. What
 * cannot be delivered becomes a dead letter of the sender. `position` is its place in the store's outbox, 0 in memory.
 */
export const deliver = (from: Entry, outgoing: Outgoing, position: number, tried = 0): void => {
  const { kernel } = from
  const delivery = kernel.send(outgoing.runtimeId, outgoing.request, outgoing.options)
  kernel.fork(delivery, kernel.context).addObserver((exit) => {
    if (Exit.isSuccess(exit)) {
      if (position !== 0) from.journal?.push({ change: () => ({ sent: [position] }), apply: () => undefined })
      return
    }
    const error = Cause.squash(exit.cause) as { readonly _tag?: string }
    const now = kernel.now()
    const passes =
      error._tag === "StoreUnavailable" ||
      error._tag === "AgentNotFound" ||
      (error._tag === "MailboxFull" && tried < maxRetries && !from.isOver)
    if (passes) {
      const wait = 50 * 2 ** Math.min(tried, maxRetries - 1)
      kernel.timers.set(now + wait, () => deliver(from, outgoing, position, tried + 1))
      return
    }
    buryOutgoing(from, outgoing, position, AgentError.toJson(error), kernel.startedAt + now)
  })
}

const buryOutgoing = (from: Entry, of: Outgoing, position: number, error: Receipt.ErrorJson, at: number): void => {
  const letter = deadOutgoing(of, error, at)
  if (from.journal === undefined) return from.bury({ of, letter, position: 0 })
  from.journal.push({
    change: () => ({ sent: [position], bury: [encodeDead(of, error, at)] }),
    apply: (written) => from.bury({ of, letter, position: written.buried[0] ?? 0 })
  })
}
