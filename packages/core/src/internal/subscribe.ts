import { AgentError } from "@agent-runtime/schema"
import { Exit } from "effect"
import type { SubscriptionOptions } from "../Subscription.ts"
import type { Entry } from "./entry.ts"
import { Subscriber } from "./subscriber.ts"

let lastId = 0

/** Registers a subscriber; what is committed from now on is its. */
export const subscribe = (
  entry: Entry,
  options: SubscriptionOptions
): Exit.Exit<Subscriber, AgentError.SubscribeError> => {
  const capacity = options.capacity ?? 1
  if (!(capacity >= 1) || (!Number.isInteger(capacity) && capacity !== Number.POSITIVE_INFINITY)) {
    return Exit.die(new RangeError(`A subscription's capacity must be a whole number of at least 1, got ${capacity}`))
  }
  if (entry.phase === "closed") return Exit.fail(AgentError.AgentRuntimeTerminated.of(entry.id))
  entry.flush()
  const cursor = cursorOf(entry, options.from ?? "latest")
  if (Exit.isFailure(cursor)) return Exit.failCause(cursor.cause)
  const { clock, dispatcher } = entry.kernel
  const subscriber = new Subscriber(++lastId, clock.currentTimeMillisUnsafe(), options, cursor.value, entry, dispatcher)
  entry.register(subscriber)
  subscriber.start()
  return Exit.succeed(subscriber)
}

const cursorOf = (
  entry: Entry,
  from: NonNullable<SubscriptionOptions["from"]>
): Exit.Exit<number, AgentError.CursorInvalid | AgentError.EpochMismatch> => {
  if (from === "latest") return Exit.succeed(entry.sequence)
  if (from === "earliest") return Exit.succeed(0)
  if (from.epoch !== undefined && from.epoch !== entry.epoch && Number.isInteger(from.epoch)) {
    return Exit.fail(AgentError.EpochMismatch.of(entry.epoch, from.epoch))
  }
  if (from.epoch !== undefined && from.epoch !== entry.epoch) {
    const message = `An epoch is a whole number, got ${from.epoch}`
    return Exit.fail(new AgentError.CursorInvalid({ cursor: String(from.epoch), message }))
  }
  if (!Number.isInteger(from.after) || from.after < 0 || from.after > entry.sequence) {
    return Exit.fail(
      new AgentError.CursorInvalid({
        cursor: String(from.after),
        message: `There is no sequence ${from.after}: the log of "${entry.id}" ends at ${entry.sequence}`
      })
    )
  }
  return Exit.succeed(from.after)
}
