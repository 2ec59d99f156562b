import { type ActivityType, AgentError, type Priority } from "@agent-runtime/schema"
import { Equal, type Schema, type Tracer } from "effect"
import type { SendOptions, WireRequest } from "../AgentRuntime.ts"
import type { Change } from "../RuntimeStore.ts"
import { Activity, noChain } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { type CompiledType, isTyped } from "./host.ts"
import { encodeAccepted, encodeDue, encodeReturned } from "./persisted.ts"
import { applySuperseded, interrupt, settleWaiting, spare, supersede, supersededChange } from "./processing.ts"
import { checkOptions, checkPayload } from "./validate.ts"

/**
 * Validates an activity and puts it where it waits, in one synchronous step. When this answers an error, nothing has
 * changed; an activity that it answers is accepted, with a store once that is written (`Activity.onAccepted`).
 *
 * `hasPlace`: the sender has waited for its place in the lane, and was handed it; it keeps it only where this answers an error.
 */
export const accept = (
  entry: Entry,
  request: WireRequest,
  options: SendOptions | undefined,
  chain: ReadonlyArray<string>,
  parent: Tracer.AnySpan | undefined,
  hasPlace = false
): Activity | AgentError.SendError => {
  const { kernel } = entry
  const kind = entry.host.find(request.type)
  if (kind === undefined) {
    return AgentError.ActivityInvalid.of(["type"], `"${request.type}" is no activity of this agent`)
  }
  const { maxPayloadBytes } = kernel.config
  const invalid = checkOptions(options, maxPayloadBytes) ?? checkPayload(request.payload, maxPayloadBytes)
  if (invalid !== undefined) return invalid
  const payload = isTyped(request) ? kind.make(request.payload) : kind.decode(request.payload)
  if (payload instanceof AgentError.ActivityInvalid) return payload

  const priority: Priority.Priority = options?.priority ?? kind.definition?.priority ?? "standard"
  if (options?.id !== undefined) {
    const known = entry.find(options.id)
    if (known !== undefined) {
      if (!isSame(known, kind, payload, entry.journal !== undefined)) return AgentError.ActivityConflict.of(options.id)
      if (hasPlace) entry.waiting.leave(priority)
      return known
    }
  }
  if (entry.phase !== "active") return entry.refusal

  const { history, waiting } = entry
  const overlap = kind.definition?.overlap ?? "enqueue"
  if (overlap === "reject" && history.isPending(kind.name)) return AgentError.AgentRuntimeBusy.of(entry.id, kind.name)
  const now = kernel.dispatcher.now
  const deliverAt = (options?.deliverAt ?? 0) - kernel.startedAt
  const due = deliverAt > now ? deliverAt : undefined
  // One that is held back replaces what waits when it comes due.
  const replaces = overlap === "coalesce" && due === undefined
  const replaced = replaces ? waiting.first((other) => other.kind === kind) : undefined
  // The place of the one that it replaces is its own.
  const inherits = !hasPlace && replaced?.priority === priority
  const encoded = entry.journal === undefined ? undefined : kind.encodePayload(payload)
  if (entry.journal !== undefined && payload !== undefined && encoded === undefined) {
    return AgentError.ActivityInvalid.of(["payload"], `The payload of "${kind.name}" cannot be stored: it is no JSON`)
  }
  const origin =
    options === undefined && parent === undefined && chain === noChain
      ? undefined
      : { id: options?.id, options, chain, parent }
  const activity = new Activity(kind, payload, priority, now, origin)
  if (!hasPlace && !inherits && !waiting.enter(priority) && !makeRoom(entry, activity)) {
    return AgentError.MailboxFull.of(entry.id, priority, waiting.capacity(priority))
  }
  // Known before a place is given back: that may let another sender in, with the same id.
  history.add(activity)
  if (replaced !== undefined) {
    waiting.withdraw(replaced, inherits)
    replace(entry, replaced, activity.id)
  }
  if (entry.journal === undefined && options === undefined && typeof overlap === "string") {
    waiting.enqueue(activity)
    if (entry.watchers !== undefined) entry.changed()
    return activity
  }
  place(entry, activity, overlap, due, encoded)
  return activity
}

/** Puts an activity where it waits, with a store once that is written. */
const place = (
  entry: Entry,
  activity: Activity,
  overlap: ActivityType.Overlap,
  due: number | undefined,
  encoded: Schema.Json | undefined
): void => {
  const { history, journal, waiting } = entry
  const ahead = due === undefined && typeof overlap === "object"
  const requeues = ahead && overlap.interrupt === "requeue"
  const superseding = ahead && !requeues ? supersede(entry, activity.id) : undefined
  const apply = (sequence: number): void => {
    if (superseding !== undefined) applySuperseded(entry, superseding, sequence)
    if (due !== undefined) entry.hold(activity, due)
    else if (ahead) waiting.enqueueAhead(activity)
    else waiting.enqueue(activity)
    // Another of its type may have come while it was written: that is then the older one.
    if (overlap === "coalesce" && due === undefined && journal !== undefined) replaceOlder(entry, activity)
    if (requeues) interrupt(entry, "requeue")
    if (entry.watchers !== undefined) entry.changed()
  }
  if (journal === undefined) return apply(entry.sequence + 1)
  activity.beginAccepting()
  let sequence = 0
  journal.push({
    change: () => ({
      ...(superseding === undefined ? {} : supersededChange(entry, superseding, (sequence = journal.nextSequence()))),
      accept: [encodeAccepted(activity, encoded, encodeDue(entry.kernel, due), ahead)],
      ...(requeues ? requeuedChange(entry) : {}),
      ...(activity.rare.outbox === 0 ? {} : { sent: [activity.rare.outbox] })
    }),
    apply: (written) => {
      activity.rare.position = written.accepted[0] ?? 0
      apply(sequence)
      activity.endAccepting(undefined)
    },
    refuse: (error) => {
      waiting.leave(activity.priority)
      history.retract(activity)
      if (superseding !== undefined) spare(entry, superseding)
      activity.endAccepting(error)
    }
  })
}

/** What the store is told of a running activity that is about to go back to its lane. */
const requeuedChange = ({ attempt, kernel, now }: Entry): Pick<Change, "update"> =>
  attempt === undefined || attempt.committing
    ? {}
    : { update: [encodeReturned(attempt.activity, encodeDue(kernel, now), false)] }

/** Ends another of its type that waits. */
export const replaceOlder = (entry: Entry, activity: Activity): void => {
  const older = entry.waiting.first((other) => other.kind === activity.kind && other !== activity)
  if (older === undefined || !entry.waiting.withdraw(older)) return
  settleWaiting(entry, older, "superseded", AgentError.ActivitySuperseded.of(older.id, activity.id))
}

/** With the strategy `sliding` the oldest of the lane goes. */
const makeRoom = (entry: Entry, { id, priority }: Activity): boolean => {
  const { waiting } = entry
  if (entry.kernel.config.mailboxStrategy !== "sliding") return false
  const oldest = waiting.oldest(priority)
  if (oldest === undefined || !waiting.withdraw(oldest)) return false
  replace(entry, oldest, id)
  return waiting.enter(priority)
}

/**
 * Ends what was withdrawn for a new activity. It is written together with the new one: where that is refused, both are, and
 * what was to be replaced waits again, at the end of its lane.
 */
const replace = (entry: Entry, activity: Activity, by: string): void =>
  settleWaiting(entry, activity, "superseded", AgentError.ActivitySuperseded.of(activity.id, by), () => {
    entry.waiting.reenter(activity.priority)
    entry.waiting.enqueue(activity)
  })

/** Same type and equal payload, or one that a store keeps alike: the same activity, sent again. */
const isSame = (known: Activity, kind: CompiledType, payload: unknown, isStored: boolean): boolean =>
  known.type === kind.name &&
  (Equal.equals(known.payload, payload) ||
    (isStored && canonical(known.kind.encodePayload(known.payload)) === canonical(kind.encodePayload(payload))))

/** JSON with sorted keys. */
const canonical = (json: Schema.Json | undefined): string => {
  if (Array.isArray(json)) return `[${json.map(canonical).join(",")}]`
  if (typeof json !== "object" || json === null) return JSON.stringify(json) ?? ""
  const fields = Object.entries(json as Readonly<Record<string, Schema.Json>>)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${canonical(value)}`).join(",")}}`
}
