import { AgentError, type Receipt } from "@agent-runtime/schema"
import { Effect, Exit } from "effect"
import { Activity } from "./activity.ts"
import type { Outgoing } from "./attempt.ts"
import { type Dead, type Entry, keyOf } from "./entry.ts"
import { step } from "./journal.ts"
import { encodeAccepted } from "./persisted.ts"

/** The oldest under an id: under one, several may have been sent. */
const deadOf = ({ deadLetters }: Entry, activityId: string): Dead | undefined =>
  Array.from(deadLetters?.values() ?? []).find(({ letter }) => letter.activityId === activityId)

/** Sends a dead letter again under its id, its attempts starting anew. */
export const replay = (
  entry: Entry,
  activityId: string
): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError> => {
  const dead = deadOf(entry, activityId)
  if (dead === undefined) return Exit.fail(AgentError.ActivityNotFound.of(activityId))
  if (entry.phase !== "active") return Exit.fail(entry.refusal)
  return dead.of instanceof Activity ? replayActivity(entry, dead, dead.of) : redeliver(entry, dead, dead.of)
}

const replayActivity = (
  entry: Entry,
  dead: Dead,
  { chain, id, kind, options, parent, payload, priority }: Activity
): Effect.Effect<Receipt.Receipt, AgentError.MailboxFull | AgentError.StoreUnavailable> => {
  const { history, waiting } = entry
  if (!waiting.enter(priority)) {
    return Exit.fail(AgentError.MailboxFull.of(entry.id, priority, waiting.capacity(priority)))
  }
  const { deliverAt: _, expiresAt: __, ...rest } = options ?? {}
  const before = history.find(id)
  const again = new Activity(kind, payload, priority, entry.now, { id, options: rest, chain, parent })
  entry.deadLetters?.delete(id)
  history.add(again)
  if (entry.journal !== undefined) again.beginAccepting()
  const accepted = encodeAccepted(again)
  return step(
    entry,
    () => ({ exhume: [dead.position], accept: [accepted] }),
    (written) => {
      again.rare.position = written?.accepted[0] ?? 0
      again.since = entry.now
      waiting.enqueue(again)
      entry.changed()
      again.endAccepting(undefined)
      return entry.receiptOf(again)
    },
    (error) => {
      waiting.leave(priority)
      history.retract(again, before)
      entry.bury(dead)
      again.endAccepting(error)
    }
  )
}

/** What could not be delivered goes to its runtime now; where that fails it stays a dead letter. */
const redeliver = (
  entry: Entry,
  dead: Dead,
  { options, request, runtimeId }: Outgoing
): Effect.Effect<Receipt.Receipt, AgentError.SendError> => {
  const later = ({ message }: { readonly message: string }) => Exit.fail(new AgentError.StoreUnavailable({ message }))
  const sent = Effect.catchTags(entry.kernel.send(runtimeId, request, options, 0, 0), {
    AgentRuntimeNotFound: () => Exit.fail(AgentError.AgentRuntimeTerminated.of(runtimeId)),
    AgentNotFound: later,
    StateUnreadable: later
  })
  return Effect.tap(sent, () => Effect.ignore(remove(entry, dead)))
}

/** Forgets a dead letter. Nobody writes to a runtime that has ended: its dead letters go when all of it is removed. */
export const discard = (
  entry: Entry,
  activityId: string
): Effect.Effect<
  void,
  AgentError.ActivityNotFound | AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable
> => {
  const dead = deadOf(entry, activityId)
  if (dead === undefined) return Exit.fail(AgentError.ActivityNotFound.of(activityId))
  if (!entry.isOver) return remove(entry, dead)
  const { id } = entry
  const message = `Agent runtime "${id}" is terminated: purge removes its dead letters`
  return Exit.fail(new AgentError.AgentRuntimeTerminated({ id, message }))
}

const remove = (entry: Entry, dead: Dead): Effect.Effect<void, AgentError.StoreUnavailable> => {
  entry.deadLetters?.delete(keyOf(dead))
  return step(
    entry,
    () => ({ exhume: [dead.position] }),
    () => entry.changed(),
    () => entry.bury(dead)
  )
}
