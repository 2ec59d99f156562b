import { AgentError, type Receipt } from "@agent-runtime/schema"
import { Cause, Exit, type Fiber } from "effect"
import type { Outgoing } from "./attempt.ts"
import type { Entry } from "./entry.ts"
import { deadOutgoing, encodeDead } from "./persisted.ts"

/** One of what a workflow sent, on its way: its place in the store's outbox, 0 in memory, and who tries to deliver it. */
export interface Delivery {
  readonly position: number
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

/** Milliseconds for which a delivery waits for its place in a full mailbox while nobody else gets one either. */
const patience = 6000

/** Milliseconds before a delivery is tried again: doubling from the first to the last. */
const firstRetry = 50
const lastRetry = 3200

/**
 * Delivers what a workflow sent, which the end of its runtime waits for. In a full mailbox it waits for its place, in the order in which
 * it was sent; for a store that is down, or a runtime of it that nobody here can run yet or any more, for as long as it takes: what
 * was sent is on record, and a later life goes on with it. What cannot be delivered becomes a dead letter of the sender.
 */
export const deliver = (from: Entry, outgoing: Outgoing, position: number): void => {
  const delivery: Delivery = { position, fiber: undefined }
  ;(from.undelivered ??= new Map()).set(outgoing, delivery)
  tryToDeliver(from, outgoing, delivery, firstRetry)
}

const tryToDeliver = (from: Entry, outgoing: Outgoing, delivery: Delivery, retry: number): void => {
  const { kernel } = from
  const { position } = delivery
  // The sender's end does not wait for ever: it may have made a dead letter of it meanwhile, or left it to whoever opens it next.
  const isGivenUp = () => from.isOver || from.undelivered?.has(outgoing) !== true
  if (isGivenUp()) return
  const sent = kernel.send(outgoing.runtimeId, outgoing.request, outgoing.options, position, patience)
  delivery.fiber = kernel.fork(sent, kernel.context)
  delivery.fiber.addObserver((exit) => {
    if (isGivenUp()) return
    if (Exit.isSuccess(exit)) {
      from.undelivered?.delete(outgoing)
      from.journal?.push({ change: () => ({ sent: [position] }), apply: () => undefined })
      // Its end may have waited for this.
      from.wake()
      return
    }
    const error = Cause.squash(exit.cause) as { readonly _tag?: string }
    const now = kernel.now()
    if (error._tag === "StoreUnavailable" || error._tag === "AgentNotFound") {
      const next = Math.min(2 * retry, lastRetry)
      kernel.timers.set(now + retry, () => tryToDeliver(from, outgoing, delivery, next))
      return
    }
    buryOutgoing(from, outgoing, position, AgentError.toJson(error), kernel.startedAt + now)
  })
}

/** Nothing of it arrives any more: it may wait for a place where it goes to. */
export const stopDelivering = (from: Entry): void => {
  for (const { fiber } of from.undelivered?.values() ?? []) fiber?.interruptUnsafe()
}

/** Makes dead letters of what could not be delivered before the end of its sender. */
export const giveUp = (from: Entry): void => {
  const { kernel } = from
  const error = AgentError.toJson(AgentError.AgentRuntimeTerminated.of(from.id))
  stopDelivering(from)
  for (const [outgoing, { position }] of from.undelivered ?? []) {
    buryOutgoing(from, outgoing, position, error, kernel.startedAt + kernel.now())
  }
}

const buryOutgoing = (from: Entry, of: Outgoing, position: number, error: Receipt.ErrorJson, at: number): void => {
  const letter = deadOutgoing(of, error, at)
  from.undelivered?.delete(of)
  if (from.journal === undefined) {
    from.bury({ of, letter, position: 0 })
    return from.wake()
  }
  from.journal.push({
    change: () => ({ sent: [position], bury: [encodeDead(of, error, at)] }),
    apply: (written) => from.bury({ of, letter, position: written.buried[0] ?? 0 })
  })
}
