import { type ActivityId, AgentError, type Priority } from "@agent-runtime/schema"
import { Exit, Result, type Schema, type Tracer } from "effect"
import type { SendOptions, WireRequest } from "../AgentRuntime.ts"
import { Activity } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { type CompiledType, isTyped } from "./host.ts"
import { encodePending } from "./persisted.ts"
import { applySuperseded, interrupt, settleUnstarted, spare, supersede } from "./processing.ts"
import { changeOf } from "./settle.ts"
import { checkOptions, checkPayload } from "./validate.ts"

/**
 * Validates an activity and puts it where it waits, in one synchronous step. When this answers an error, nothing has
 * changed; an activity that it answers is accepted, with a store once that is written (`Activity.onAccepted`).
 */
export const accept = (
  entry: Entry,
  request: WireRequest,
  options: SendOptions | undefined,
  chain: ReadonlyArray<string>,
  parent: Tracer.AnySpan | undefined
): Exit.Exit<Activity, AgentError.SendError> => {
  const { kernel } = entry
  const kind = entry.host.find(request.type)
  if (kind === undefined) {
    return Exit.fail(AgentError.ActivityInvalid.of(["type"], `"${request.type}" is no activity of this agent`))
  }
  const invalid = checkOptions(options) ?? checkPayload(request.payload, kernel.config.maxPayloadBytes)
  if (invalid !== undefined) return Exit.fail(invalid)
  const decoded = isTyped(request) ? kind.make(request.payload) : kind.decode(request.payload)
  if (Result.isFailure(decoded)) return Exit.fail(decoded.failure)
  const payload = decoded.success

  if (options?.id !== undefined) {
    const known = entry.find(options.id)
    if (known !== undefined) {
      return isSame(known, kind, payload) ? Exit.succeed(known) : Exit.fail(AgentError.ActivityConflict.of(options.id))
    }
  }
  if (entry.phase !== "active") return Exit.fail(AgentError.AgentRuntimeTerminated.of(entry.id))

  const { receipts, waiting } = entry
  const overlap = kind.definition?.overlap ?? "enqueue"
  if (overlap === "reject" && receipts.isPending(kind.name)) {
    return Exit.fail(AgentError.AgentRuntimeBusy.of(entry.id, kind.name))
  }
  const priority: Priority.Priority = options?.priority ?? kind.definition?.priority ?? "standard"
  const now = kernel.clock.currentTimeMillisUnsafe()
  // Checked by `checkOptions`.
  const id = (options?.id as ActivityId.ActivityId | undefined) ?? kernel.generateId()
  const activity = new Activity(id, kind, payload, priority, now, options, chain, parent)

  const replaced = overlap === "coalesce" ? waiting.find(kind) : undefined
  if (replaced !== undefined) {
    waiting.withdraw(replaced)
    settleUnstarted(entry, replaced, "superseded", AgentError.ActivitySuperseded.of(replaced.id, id))
  } else if (waiting.isFull(priority) && !makeRoom(entry, priority, id)) {
    return Exit.fail(AgentError.MailboxFull.of(entry.id, priority, waiting.capacity(priority)))
  }
  receipts.add(activity)

  const due = options?.deliverAt !== undefined && options.deliverAt > now ? options.deliverAt : undefined
  const ahead = due === undefined && typeof overlap === "object"
  const requeues = ahead && overlap.interrupt === "requeue"
  const superseded = ahead && !requeues ? supersede(entry, id) : undefined
  const place = (): void => {
    if (superseded !== undefined) applySuperseded(entry, superseded)
    if (due !== undefined) waiting.hold(activity, due)
    else if (ahead) waiting.enqueueAhead(activity)
    else waiting.enqueue(activity)
    if (requeues) interrupt(entry, "requeue")
    if (entry.watchers !== undefined) entry.changed()
  }
  if (entry.journal === undefined) {
    place()
    return Exit.succeed(activity)
  }
  // The place is taken from here on; the activity waits in it once it is written.
  waiting.reserve(priority)
  activity.beginAccepting()
  const accepted = { activity: encodePending(activity), attempts: 0, crashes: 0, due, ahead }
  entry.journal.push({
    change: { ...(superseded === undefined ? {} : changeOf(entry, superseded)), accept: [accepted] },
    apply: (written) => {
      waiting.unreserve(priority)
      activity.position = written.accepted[0] ?? 0
      place()
      activity.endAccepting(undefined)
    },
    refuse: (error) => {
      waiting.unreserve(priority)
      receipts.retract(activity)
      if (superseded !== undefined) spare(entry, superseded)
      activity.endAccepting(error)
    }
  })
  return Exit.succeed(activity)
}

/** With the strategy `sliding` the oldest of the lane goes. */
const makeRoom = (entry: Entry, priority: Priority.Priority, by: string): boolean => {
  if (entry.kernel.config.mailboxStrategy !== "sliding") return false
  const oldest = entry.waiting.oldest(priority)
  if (oldest === undefined || !entry.waiting.withdraw(oldest)) return false
  settleUnstarted(entry, oldest, "superseded", AgentError.ActivitySuperseded.of(oldest.id, by))
  return true
}

/** Same type and same canonical payload: the same activity, sent again. */
const isSame = (known: Activity, kind: CompiledType, payload: unknown): boolean =>
  known.type === kind.name &&
  canonical(known.kind.encodePayload(known.payload)) === canonical(kind.encodePayload(payload))

/** JSON with sorted keys. */
const canonical = (json: Schema.Json | undefined): string => {
  if (Array.isArray(json)) return `[${json.map(canonical).join(",")}]`
  if (typeof json !== "object" || json === null) return JSON.stringify(json) ?? "null"
  const fields = Object.entries(json as Readonly<Record<string, Schema.Json>>)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${canonical(value)}`).join(",")}}`
}
