/**
 * The HTTP API of agent runtimes, as data: the server, the typed client and the OpenAPI document all come from it.
 * Nothing in here needs Node: a browser can import it.
 *
 * @since 0.1.0
 */
import {
  ActivityId,
  AgentError,
  AgentRuntimeId,
  AgentRuntimeState,
  Priority,
  Receipt,
  Timestamp
} from "@agent-runtime/schema"
import { Context, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  Forbidden,
  InternalError,
  PayloadTooLarge,
  ShuttingDown,
  TooManyRequests,
  Unauthorized,
  UnsupportedMediaType
} from "./ApiError.ts"
import type { Scope } from "./Authorization.ts"
import { DeadLetters } from "./internal/deadLetter.ts"

/**
 * What a caller may do; every endpoint asks for one.
 *
 * @category annotations
 * @since 0.1.0
 */
export const RequiredScope: Context.Reference<Scope | "none"> = Context.Reference<Scope | "none">(
  "@agent-runtime/transport-http/AgentApi/RequiredScope",
  { defaultValue: () => "read" }
)

/**
 * Stands in front of every endpoint but health and readiness: who is asking, whether they may, and how often.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Access extends HttpApiMiddleware.Service<Access>()("@agent-runtime/transport-http/AgentApi/Access", {
  error: [Unauthorized, Forbidden, TooManyRequests, InternalError, ShuttingDown, AgentError.RequestInvalid]
}) {}

/**
 * What `POST /v1/runtimes` takes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CreateRuntime = Schema.Struct({
  agent: Schema.String,
  id: Schema.optionalKey(Schema.String),
  state: Schema.optionalKey(Schema.Json)
}).annotate({ identifier: "CreateRuntime" })

/**
 * What `POST /v1/runtimes/{id}/fork` takes: the sequence of the state to begin with (default: the last), and the id of the new runtime.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ForkRuntime = Schema.Struct({
  at: Schema.optionalKey(Schema.Int),
  id: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "ForkRuntime" })

/**
 * What a send takes: the activity's type and payload, and what may be said of it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SendActivity = Schema.Struct({
  type: Schema.String,
  payload: Schema.optionalKey(Schema.Json),
  priority: Schema.optionalKey(Priority.Priority),
  id: Schema.optionalKey(ActivityId.ActivityId),
  deliverAt: Schema.optionalKey(Timestamp.Timestamp),
  expiresAt: Schema.optionalKey(Timestamp.Timestamp),
  correlationId: Schema.optionalKey(Schema.String),
  source: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
}).annotate({ identifier: "SendActivity" })
/**
 * @category models
 * @since 0.1.0
 */
export type SendActivity = typeof SendActivity.Type

/**
 * The receipt of an activity that has yet to end.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PendingReceipt = Schema.Struct({
  ...Receipt.Receipt.fields,
  status: Schema.Literals(["accepted", "running"])
}).annotate({ identifier: "PendingReceipt" })

/**
 * The receipt of an activity that has ended.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EndedReceipt = Schema.Struct({
  ...Receipt.Receipt.fields,
  status: Schema.Literals(["succeeded", "failed", "expired", "cancelled", "superseded"])
}).annotate({ identifier: "EndedReceipt" })

/**
 * A receipt, whichever way it stands.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AnyReceipt = Receipt.Receipt.annotate({ identifier: "Receipt" })

/**
 * What became of one of many: its receipt, or why it was not accepted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SendResult = Schema.Union([
  Schema.Struct({ receipt: AnyReceipt }),
  Schema.Struct({ error: Receipt.ErrorJson })
]).annotate({ identifier: "SendResult" })

/**
 * What became of many, in the order they were sent.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SendResults = Schema.Struct({ items: Schema.Array(SendResult) }).annotate({ identifier: "SendResults" })

/**
 * A runtime as it is shown to anyone: its state is JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimeInfo = AgentRuntimeState.RuntimeInfo.annotate({ identifier: "RuntimeInfo" })

/**
 * One page of runtimes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimePage = Schema.Struct({
  items: Schema.Array(RuntimeInfo),
  nextCursor: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "RuntimePage" })

export { DeadLetter, DeadLetters } from "./internal/deadLetter.ts"

const jsonSchema = Schema.Record(Schema.String, Schema.Json)

/**
 * An agent with everything it speaks, in JSON Schema (draft 2020-12).
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentDescription = Schema.Struct({
  name: Schema.String,
  version: Schema.Int,
  state: jsonSchema,
  emits: jsonSchema,
  activities: Schema.Array(
    Schema.Struct({
      type: Schema.String,
      priority: Priority.Priority,
      payload: jsonSchema,
      success: jsonSchema,
      error: jsonSchema
    })
  )
}).annotate({ identifier: "Agent" })

/**
 * The agents of a server.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentDescriptions = Schema.Struct({ items: Schema.Array(AgentDescription) }).annotate({
  identifier: "Agents"
})

/**
 * Whether a server is there.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Health = Schema.Struct({ status: Schema.Literals(["ok", "ready"]) }).annotate({ identifier: "Health" })

const runtime = { id: AgentRuntimeId.AgentRuntimeId }
/** With an epoch only that life of the runtime is meant; any other is not found. */
const life = { epoch: Schema.optional(Schema.FiniteFromString.check(Schema.isInt())) }
const activity = { ...runtime, activityId: ActivityId.ActivityId }

const {
  ActivityConflict,
  ActivityInvalid,
  ActivityNotFound,
  AgentNotFound,
  AgentRuntimeAlreadyExists,
  AgentRuntimeBusy,
  AgentRuntimeNotFound,
  AgentRuntimeTerminated,
  CursorInvalid,
  EpochMismatch,
  MailboxFull,
  RuntimeIdInvalid,
  StateUnreadable,
  StoreUnavailable,
  TooManyRuntimes
} = AgentError

const finding = [RuntimeIdInvalid, AgentRuntimeNotFound, StateUnreadable, StoreUnavailable] as const
const sending = [ActivityInvalid, ActivityConflict, AgentRuntimeBusy, AgentRuntimeTerminated, MailboxFull] as const
const reading = [PayloadTooLarge, UnsupportedMediaType] as const

const events = HttpApiSchema.StreamSse({
  events: Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literals(["Processed", "Failed", "Emitted", "Gap", "End"]),
    data: Schema.String
  })
})

const changes = HttpApiSchema.StreamSse({
  events: Schema.Struct({ event: Schema.Literals(["Info", "End"]), data: Schema.String })
})

const ndjson = HttpApiSchema.asText({ contentType: "application/x-ndjson" })

/**
 * The agents that the server knows.
 *
 * @category groups
 * @since 0.1.0
 */
export class Agents extends HttpApiGroup.make("agents")
  .add(
    HttpApiEndpoint.get("agents", "/v1/agents", { success: AgentDescriptions }).annotate(
      OpenApi.Summary,
      "The agents this server knows, with JSON Schema of what they speak"
    )
  )
  .middleware(Access)
  .annotate(OpenApi.Description, "What the server's agents speak") {}

/**
 * Runtimes: create, list, look at, end, hold and go on.
 *
 * @category groups
 * @since 0.1.0
 */
export class Runtimes extends HttpApiGroup.make("runtimes")
  .add(
    HttpApiEndpoint.post("create", "/v1/runtimes", {
      payload: CreateRuntime,
      success: RuntimeInfo.pipe(HttpApiSchema.status(201)),
      error: [RuntimeIdInvalid, AgentNotFound, AgentRuntimeAlreadyExists, TooManyRuntimes, StoreUnavailable, ...reading]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Create a runtime"),
    HttpApiEndpoint.get("list", "/v1/runtimes", {
      query: {
        agent: Schema.optional(Schema.String),
        status: Schema.optional(AgentRuntimeState.Status),
        prefix: Schema.optional(Schema.String),
        cursor: Schema.optional(Schema.String),
        limit: Schema.optional(
          Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1000 }))
        )
      },
      success: RuntimePage,
      error: [StoreUnavailable]
    }).annotate(OpenApi.Summary, "List runtimes, a page at a time"),
    HttpApiEndpoint.get("info", "/v1/runtimes/:id", {
      params: runtime,
      query: life,
      success: RuntimeInfo,
      error: finding
    }).annotate(OpenApi.Summary, "What a runtime says of itself"),
    HttpApiEndpoint.get("changes", "/v1/runtimes/:id/changes", {
      params: runtime,
      query: life,
      success: changes,
      error: finding
    }).annotate(OpenApi.Summary, "What a runtime says of itself whenever that changes, latest value only"),
    HttpApiEndpoint.delete("terminate", "/v1/runtimes/:id", {
      params: runtime,
      query: {
        ...life,
        mode: Schema.optional(Schema.Literals(["drain", "immediate"])),
        grace: Schema.optional(Schema.String)
      },
      success: HttpApiSchema.NoContent,
      error: finding
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "End a runtime"),
    HttpApiEndpoint.post("pause", "/v1/runtimes/:id/pause", {
      params: runtime,
      query: life,
      success: RuntimeInfo,
      error: [...finding, AgentRuntimeTerminated]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Finish the running activity and hold the rest"),
    HttpApiEndpoint.post("resume", "/v1/runtimes/:id/resume", {
      params: runtime,
      query: life,
      success: RuntimeInfo,
      error: [...finding, AgentRuntimeTerminated]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Go on after a pause"),
    HttpApiEndpoint.post("fork", "/v1/runtimes/:id/fork", {
      params: runtime,
      query: life,
      payload: ForkRuntime,
      success: RuntimeInfo.pipe(HttpApiSchema.status(201)),
      error: [...finding, CursorInvalid, AgentNotFound, AgentRuntimeAlreadyExists, TooManyRuntimes, ...reading]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Create a runtime from a state that was kept of this one"),
    HttpApiEndpoint.post("purge", "/v1/runtimes/:id/purge", {
      params: runtime,
      query: life,
      success: HttpApiSchema.NoContent,
      error: finding
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Remove what the store keeps of a runtime that has ended")
  )
  .middleware(Access)
  .annotate(OpenApi.Description, "Create, list, look at, end, hold and go on") {}

/**
 * Activities: send, ask, look at, cancel; their events; their dead letters.
 *
 * @category groups
 * @since 0.1.0
 */
export class Activities extends HttpApiGroup.make("activities")
  .add(
    HttpApiEndpoint.post("send", "/v1/runtimes/:id/activities", {
      params: runtime,
      query: { ...life, wait: Schema.optional(Schema.String) },
      payload: [SendActivity, Schema.Array(SendActivity), Schema.String.pipe(ndjson)],
      success: [EndedReceipt, SendResults, Schema.String.pipe(ndjson), PendingReceipt.pipe(HttpApiSchema.status(202))],
      error: [...finding, ...sending, ...reading]
    })
      .annotate(RequiredScope, "send")
      .annotate(OpenApi.Summary, "Send an activity, many of them, or ask for the outcome of one (wait=30s)"),
    HttpApiEndpoint.get("receipt", "/v1/runtimes/:id/activities/:activityId", {
      params: activity,
      query: { ...life, wait: Schema.optional(Schema.String) },
      success: AnyReceipt,
      error: [...finding, ActivityNotFound]
    }).annotate(OpenApi.Summary, "The receipt of an activity as it now stands"),
    HttpApiEndpoint.delete("cancel", "/v1/runtimes/:id/activities/:activityId", {
      params: activity,
      query: life,
      success: AnyReceipt,
      error: [...finding, ActivityNotFound]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Cancel an activity, waiting or running"),
    HttpApiEndpoint.get("events", "/v1/runtimes/:id/events", {
      params: runtime,
      query: {
        ...life,
        type: Schema.optional(Schema.String),
        priority: Schema.optional(Schema.String),
        outcome: Schema.optional(Schema.String),
        from: Schema.optional(Schema.String)
      },
      headers: { "last-event-id": Schema.optional(Schema.String) },
      success: events,
      error: [...finding, CursorInvalid, EpochMismatch, AgentRuntimeTerminated]
    }).annotate(OpenApi.Summary, "The events of a runtime, as they happen or from a cursor on"),
    HttpApiEndpoint.get("deadLetters", "/v1/runtimes/:id/dead-letters", {
      params: runtime,
      query: life,
      success: DeadLetters,
      error: finding
    }).annotate(OpenApi.Summary, "The dead letters, oldest first"),
    HttpApiEndpoint.post("replay", "/v1/runtimes/:id/dead-letters/:activityId/replay", {
      params: activity,
      query: life,
      success: [EndedReceipt, PendingReceipt.pipe(HttpApiSchema.status(202))],
      error: [...finding, ActivityNotFound, ...sending]
    })
      .annotate(RequiredScope, "send")
      .annotate(OpenApi.Summary, "Send a dead letter again"),
    HttpApiEndpoint.delete("discard", "/v1/runtimes/:id/dead-letters/:activityId", {
      params: activity,
      query: life,
      success: HttpApiSchema.NoContent,
      error: [...finding, ActivityNotFound, AgentRuntimeTerminated]
    })
      .annotate(RequiredScope, "manage")
      .annotate(OpenApi.Summary, "Forget a dead letter")
  )
  .middleware(Access)
  .annotate(OpenApi.Description, "Send, ask, look at, cancel; events; dead letters") {}

/**
 * What a server says of itself.
 *
 * @category groups
 * @since 0.1.0
 */
export class Server extends HttpApiGroup.make("server")
  .add(
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
    })
      .annotate(RequiredScope, "none")
      .annotate(OpenApi.Summary, "Metrics in Prometheus' text format"),
    HttpApiEndpoint.get("openapi", "/openapi.json", { success: jsonSchema })
      .annotate(RequiredScope, "none")
      .annotate(OpenApi.Summary, "This API in OpenAPI 3.1, with the schemas of the agents"),
    HttpApiEndpoint.get("docs", "/docs", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/html; charset=utf-8" }))
    })
      .annotate(RequiredScope, "none")
      .annotate(OpenApi.Summary, "This API to read; needs no network")
  )
  .middleware(Access)
  .annotate(OpenApi.Description, "What the server says of itself") {}

/**
 * What a load balancer asks; open to all.
 *
 * @category groups
 * @since 0.1.0
 */
export class Probes extends HttpApiGroup.make("probes")
  .add(
    HttpApiEndpoint.get("healthz", "/healthz", { success: Health, error: [Forbidden] }).annotate(
      OpenApi.Summary,
      "Whether the process is there"
    ),
    HttpApiEndpoint.get("readyz", "/readyz", { success: Health, error: [Forbidden, ShuttingDown] }).annotate(
      OpenApi.Summary,
      "Whether it takes work"
    )
  )
  .annotate(OpenApi.Description, "What a load balancer asks") {}

/**
 * The whole API.
 *
 * @category apis
 * @since 0.1.0
 */
export class AgentApi extends HttpApi.make("agent-runtime")
  .add(Agents, Runtimes, Activities, Server, Probes)
  .annotateMerge(OpenApi.annotations({ title: "Agent runtimes", version: "1" })) {}
