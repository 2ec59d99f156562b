/**
 * Every error of the agent runtime. Each has a `_tag`, a `message` that says what to do, its data, and the HTTP status
 * with which `@agent-runtime/transport-http` answers.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { Priority } from "./Priority.ts"
import type { ErrorJson } from "./Receipt.ts"

const message = Schema.String
const path = Schema.Array(Schema.Union([Schema.String, Schema.Int]))

/** The id is not 1 to 64 letters, digits, `_` or `-`. @category errors @since 0.1.0 */
export class RuntimeIdInvalid extends Schema.TaggedError<RuntimeIdInvalid>()(
  "RuntimeIdInvalid",
  { message, id: Schema.String },
  { httpApiStatus: 400 }
) {
  static readonly of = (given: string) => {
    // What comes from JavaScript may be no string.
    const id = String(given).slice(0, 128)
    const message = `A runtime id is 1 to 64 letters, digits, "_" or "-"; got ${JSON.stringify(id)}`
    return new RuntimeIdInvalid({ id, message })
  }
}

/** A request that is no activity does not fit; `path` leads to the fault. @category errors @since 0.1.0 */
export class RequestInvalid extends Schema.TaggedError<RequestInvalid>()(
  "RequestInvalid",
  { message, path },
  { httpApiStatus: 400 }
) {}

/** An activity does not fit its type; `path` leads to the fault. @category errors @since 0.1.0 */
export class ActivityInvalid extends Schema.TaggedError<ActivityInvalid>()(
  "ActivityInvalid",
  { message, path },
  { httpApiStatus: 400 }
) {
  static readonly of = (path: ReadonlyArray<string | number>, message: string) => new ActivityInvalid({ path, message })
}

/** A cursor does not exist: it is malformed or ahead of the log. @category errors @since 0.1.0 */
export class CursorInvalid extends Schema.TaggedError<CursorInvalid>()(
  "CursorInvalid",
  { message, cursor: Schema.String },
  { httpApiStatus: 400 }
) {}

/** No workflow is registered for the agent. @category errors @since 0.1.0 */
export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()(
  "AgentNotFound",
  { message, agent: Schema.String },
  { httpApiStatus: 404 }
) {
  static readonly of = (agent: string) =>
    new AgentNotFound({ agent, message: `No workflow is registered for agent "${agent}": provide its Workflow.layer` })
}

/** No runtime has this id, or none of this agent. @category errors @since 0.1.0 */
export class AgentRuntimeNotFound extends Schema.TaggedError<AgentRuntimeNotFound>()(
  "AgentRuntimeNotFound",
  { message, id: Schema.String },
  { httpApiStatus: 404 }
) {
  static readonly of = (id: string) =>
    new AgentRuntimeNotFound({ id: String(id), message: `There is no agent runtime "${id}"` })
}

/** The runtime knows no such activity, or has forgotten it. @category errors @since 0.1.0 */
export class ActivityNotFound extends Schema.TaggedError<ActivityNotFound>()(
  "ActivityNotFound",
  { message, activityId: Schema.String },
  { httpApiStatus: 404 }
) {
  static readonly of = (activityId: string) =>
    new ActivityNotFound({
      activityId,
      message: `There is no activity "${activityId}", or its receipt is past retention`
    })
}

/** A runtime with this id exists. @category errors @since 0.1.0 */
export class AgentRuntimeAlreadyExists extends Schema.TaggedError<AgentRuntimeAlreadyExists>()(
  "AgentRuntimeAlreadyExists",
  { message, id: Schema.String },
  { httpApiStatus: 409 }
) {
  static readonly of = (id: string) =>
    new AgentRuntimeAlreadyExists({ id, message: `An agent runtime "${id}" exists: use getOrCreate, or another id` })
}

/** The id was used for an activity with other content. @category errors @since 0.1.0 */
export class ActivityConflict extends Schema.TaggedError<ActivityConflict>()(
  "ActivityConflict",
  { message, activityId: Schema.String },
  { httpApiStatus: 409 }
) {
  static readonly of = (activityId: string) =>
    new ActivityConflict({
      activityId,
      message: `Activity "${activityId}" was sent before with another type or payload: use a new id`
    })
}

/** An activity of a type with overlap `reject` is waiting or running. @category errors @since 0.1.0 */
export class AgentRuntimeBusy extends Schema.TaggedError<AgentRuntimeBusy>()(
  "AgentRuntimeBusy",
  { message, id: Schema.String, type: Schema.String },
  { httpApiStatus: 409 }
) {
  static readonly of = (id: string, type: string) =>
    new AgentRuntimeBusy({ id, type, message: `Runtime "${id}" has a "${type}" waiting or running: try again later` })
}

/** An ask would wait for itself; `chain` names the runtimes that wait for each other. @category errors @since 0.1.0 */
export class AskCycle extends Schema.TaggedError<AskCycle>()(
  "AskCycle",
  { message, chain: Schema.Array(Schema.String) },
  { httpApiStatus: 409 }
) {
  static readonly of = (chain: ReadonlyArray<string>) =>
    new AskCycle({ chain, message: `This ask would wait for itself: ${chain.join(" -> ")}. Use send instead` })
}

/** The runtime is terminated or draining. @category errors @since 0.1.0 */
export class AgentRuntimeTerminated extends Schema.TaggedError<AgentRuntimeTerminated>()(
  "AgentRuntimeTerminated",
  { message, id: Schema.String },
  { httpApiStatus: 410 }
) {
  static readonly of = (id: string) =>
    new AgentRuntimeTerminated({ id, message: `Agent runtime "${id}" is terminated and takes no more activities` })
}

/** A cursor belongs to another life of the runtime. @category errors @since 0.1.0 */
export class EpochMismatch extends Schema.TaggedError<EpochMismatch>()(
  "EpochMismatch",
  { message, expected: Schema.Int, actual: Schema.Int },
  { httpApiStatus: 410 }
) {
  static readonly of = (expected: number, actual: number) =>
    new EpochMismatch({
      expected,
      actual,
      message: `The cursor is of epoch ${actual}, the runtime of epoch ${expected}: start from "earliest"`
    })
}

/** The lane of the mailbox is full. @category errors @since 0.1.0 */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()(
  "MailboxFull",
  { message, id: Schema.String, lane: Priority, capacity: Schema.Int },
  { httpApiStatus: 429 }
) {
  static readonly of = (id: string, lane: Priority, capacity: number) =>
    new MailboxFull({
      id,
      lane,
      capacity,
      message: `The ${lane} lane of runtime "${id}" holds its ${capacity} activities: try again later`
    })
}

/** The manager holds as many runtimes as it may. @category errors @since 0.1.0 */
export class TooManyRuntimes extends Schema.TaggedError<TooManyRuntimes>()(
  "TooManyRuntimes",
  { message, limit: Schema.Int },
  { httpApiStatus: 429 }
) {
  static readonly of = (limit: number) =>
    new TooManyRuntimes({
      limit,
      message: `This manager holds its ${limit} runtimes: terminate some, or raise maxRuntimes`
    })
}

/** A subscription with overflow `disconnect` was too slow. @category errors @since 0.1.0 */
export class SubscriberLagged extends Schema.TaggedError<SubscriberLagged>()(
  "SubscriberLagged",
  { message, capacity: Schema.Int },
  { httpApiStatus: 429 }
) {
  static readonly of = (capacity: number) =>
    new SubscriberLagged({ capacity, message: `The subscriber fell more than ${capacity} events behind` })
}

/**
 * The store cannot be reached or written; nothing was acknowledged. `reason`, where the store can tell:
 *
 * - `in-use`: another process has the database, which is for one at a time.
 * - `full`: no space is left.
 * - `read-only`: this process may read the database, but not write it.
 * - `damaged`: what is there is damaged, or no database.
 * - `newer`: a newer release has made the database.
 *
 * Without one it is worth while to try again, as with `full`.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()(
  "StoreUnavailable",
  { message, reason: Schema.optionalKey(Schema.Literals(["in-use", "full", "read-only", "damaged", "newer"])) },
  { httpApiStatus: 503 }
) {}

/** The stored state cannot be decoded; its bytes are kept. @category errors @since 0.1.0 */
export class StateUnreadable extends Schema.TaggedError<StateUnreadable>()(
  "StateUnreadable",
  { message, id: Schema.String, version: Schema.Int },
  { httpApiStatus: 500 }
) {}

/** The activity ran longer than its timeout and was interrupted. @category errors @since 0.1.0 */
export class ActivityTimedOut extends Schema.TaggedError<ActivityTimedOut>()(
  "ActivityTimedOut",
  { message, activityId: Schema.String, timeoutMillis: Schema.Finite },
  { httpApiStatus: 504 }
) {
  static readonly of = (activityId: string, timeoutMillis: number) =>
    new ActivityTimedOut({
      activityId,
      timeoutMillis,
      message: `Activity "${activityId}" ran longer than its ${timeoutMillis} ms and was interrupted`
    })
}

/** The activity was cancelled, or interrupted from outside. @category errors @since 0.1.0 */
export class ActivityCancelled extends Schema.TaggedError<ActivityCancelled>()(
  "ActivityCancelled",
  { message, activityId: Schema.String },
  { httpApiStatus: 409 }
) {
  static readonly of = (activityId: string) =>
    new ActivityCancelled({ activityId, message: `Activity "${activityId}" was cancelled` })
}

/** Another activity took the place of this one. @category errors @since 0.1.0 */
export class ActivitySuperseded extends Schema.TaggedError<ActivitySuperseded>()(
  "ActivitySuperseded",
  { message, activityId: Schema.String, by: Schema.optionalKey(Schema.String) },
  { httpApiStatus: 409 }
) {
  static readonly of = (activityId: string, by: string) =>
    new ActivitySuperseded({ activityId, by, message: `Activity "${activityId}" was superseded by "${by}"` })
}

/** The activity had not started when its `expiresAt` passed. @category errors @since 0.1.0 */
export class ActivityExpired extends Schema.TaggedError<ActivityExpired>()(
  "ActivityExpired",
  { message, activityId: Schema.String },
  { httpApiStatus: 410 }
) {
  static readonly of = (activityId: string) =>
    new ActivityExpired({ activityId, message: `Activity "${activityId}" expired before it could start` })
}

/**
 * The workflow broke: it died (`defect`), failed with an error its type does not declare (`undeclared`), or returned a
 * state or reply that does not fit its schema (`invalid`).
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowDefect extends Schema.TaggedError<WorkflowDefect>()(
  "WorkflowDefect",
  { message, activityId: Schema.String, kind: Schema.Literals(["defect", "undeclared", "invalid"]) },
  { httpApiStatus: 500 }
) {
  static readonly of = (activityId: string, message: string) =>
    new WorkflowDefect({ activityId, kind: "defect", message })
}

/**
 * Why an activity was not accepted.
 *
 * @category models
 * @since 0.1.0
 */
export type SendError =
  | ActivityInvalid
  | ActivityConflict
  | AgentRuntimeBusy
  | AgentRuntimeTerminated
  | MailboxFull
  | StoreUnavailable

/**
 * How an accepted activity may end other than by success or a declared failure.
 *
 * @category models
 * @since 0.1.0
 */
export type OutcomeError =
  | ActivityTimedOut
  | ActivityCancelled
  | ActivitySuperseded
  | ActivityExpired
  | AgentRuntimeTerminated
  | WorkflowDefect

/**
 * What `ask` may fail with beside what the activity type declares.
 *
 * @category models
 * @since 0.1.0
 */
export type AskError = SendError | OutcomeError | AskCycle

/**
 * Why a subscription could not start.
 *
 * @category models
 * @since 0.1.0
 */
export type SubscribeError = CursorInvalid | EpochMismatch | AgentRuntimeTerminated | StoreUnavailable

/**
 * The errors an activity may end with, as a schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutcomeError = Schema.Union([
  ActivityTimedOut,
  ActivityCancelled,
  ActivitySuperseded,
  ActivityExpired,
  AgentRuntimeTerminated,
  WorkflowDefect
])

const isJsonObject = (json: Schema.Json | undefined): json is { readonly [key: string]: Schema.Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** A field of anything, if it is text. */
const textOf = (value: unknown, key: string): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  try {
    const text: unknown = (value as Readonly<Record<string, unknown>>)[key]
    return typeof text === "string" && text !== "" ? text : undefined
  } catch {
    return undefined
  }
}

const show = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return "a value that cannot be shown"
  }
}

/**
 * Renders any failure as JSON with a `_tag` and a `message`, by way of `encoded` where its schema is known. Never throws.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toJson = (error: unknown, encoded?: Schema.Json): ErrorJson => {
  const fields: Record<string, Schema.Json> = isJsonObject(encoded) ? { ...encoded } : {}
  if (encoded !== undefined && Object.keys(fields).length === 0 && encoded !== null) fields.value = encoded
  const tag = textOf(fields, "_tag") ?? textOf(error, "_tag")
  const message = textOf(fields, "message") ?? textOf(error, "message") ?? tag ?? show(error)
  return { ...fields, _tag: tag ?? "Error", message }
}
