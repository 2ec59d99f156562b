import { ActivityId, AgentError, Receipt } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Duration, Effect, Exit, Result, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AgentApi, CurrentPrincipal, SendActivity } from "../AgentApi.ts"
import { Authorization } from "../Authorization.ts"
import { type Failure, failureToJson, isoTime, json, receipt, receiptToJson } from "./answer.ts"
import { parse, read } from "./body.ts"
import { open, parseQuery } from "./events.ts"
import { faultOf } from "./fault.ts"
import { CurrentGate } from "./gate.ts"
import { parseTime } from "./parseTime.ts"
import { answered, find } from "./runtimesApi.ts"

const decodeSend = Schema.decodeUnknownResult(Schema.toCodecJson(SendActivity))

/** The common case, which needs no schema: nothing but a type, a payload and an id. */
const isPlain = (value: unknown): value is SendActivity => {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") return false
  for (const [key, field] of Object.entries(value)) {
    if (key !== "type" && key !== "payload" && !(key === "id" && ActivityId.isActivityId(field))) return false
  }
  return true
}

/** One activity as it was sent, or what is wrong with it. */
const toSend = (value: unknown): Result.Result<SendActivity, AgentError.ActivityInvalid> =>
  isPlain(value)
    ? Result.succeed(value)
    : Result.mapError(decodeSend(value), ({ issue }) => {
        const { message, path } = faultOf(issue)
        return AgentError.ActivityInvalid.of(path, `${path.join(".") || "An activity"} is wrong: ${message}`)
      })

const send = (
  runtime: AgentRuntime.AgentRuntime,
  value: unknown
): Effect.Effect<Receipt.Receipt, AgentError.SendError> => {
  const activity = toSend(value)
  if (Result.isFailure(activity)) return Exit.fail(activity.failure)
  const { payload, type, ...options } = activity.success
  return runtime.send(payload === undefined ? { type } : { type, payload }, options)
}

interface SendResult {
  readonly receipt?: unknown
  readonly error?: unknown
}

const sendOne = (runtime: AgentRuntime.AgentRuntime, value: Exit.Exit<unknown, Failure>): Effect.Effect<SendResult> =>
  Effect.match(
    Effect.flatMap(value, (value): Effect.Effect<Receipt.Receipt, Failure> => send(runtime, value)),
    {
      onFailure: (error): SendResult => ({ error: failureToJson(error) }),
      onSuccess: (receipt): SendResult => ({ receipt: receiptToJson(receipt) })
    }
  )

export const layer = HttpApiBuilder.group(
  AgentApi,
  "activities",
  Effect.fnUntraced(function* (handlers) {
    const manager = yield* RuntimeManager.RuntimeManager
    const authorization = yield* Authorization
    const gate = yield* CurrentGate
    const { limits } = gate
    const longestWait = Duration.toMillis(limits.wait)

    /** The receipt once the activity has ended, or as it stands after `millis`, or when this server goes down. */
    const ended = (runtime: AgentRuntime.AgentRuntime, sent: Receipt.Receipt, millis: number) =>
      Receipt.isPending(sent) ? awaitEnd(runtime, sent, millis) : Exit.succeed(sent)

    const awaitEnd = (runtime: AgentRuntime.AgentRuntime, sent: Receipt.Receipt, millis: number) =>
      Effect.catch(
        Effect.flatMap(
          Effect.timeoutOption(
            Effect.raceFirst(
              Effect.asVoid(runtime.awaitReceipt(sent.activityId)),
              Effect.promise(() => gate.closed)
            ),
            millis
          ),
          () => runtime.receipt(sent.activityId)
        ),
        // Its receipt is past retention already.
        (error) => (error._tag === "ActivityNotFound" ? Exit.succeed(sent) : Exit.fail(error))
      )

    const waitOf = (text: string | undefined) =>
      text === undefined
        ? Exit.succeed(0)
        : Exit.map(parseTime("wait", text), (millis) => Math.min(longestWait, millis))

    const found = (id: string, epoch: number | undefined) =>
      Effect.flatMap(CurrentPrincipal, (principal) => find(manager, principal, id, epoch))

    const lines = (runtime: AgentRuntime.AgentRuntime, text: string) =>
      Effect.map(
        Effect.forEach(
          text.split("\n").filter((line) => line.trim() !== ""),
          (line) => sendOne(runtime, parse(line, limits.jsonDepth))
        ),
        (results) =>
          HttpServerResponse.text(results.map((result) => `${JSON.stringify(result)}\n`).join(""), {
            contentType: "application/x-ndjson"
          })
      )

    const list = (runtime: AgentRuntime.AgentRuntime, values: ReadonlyArray<unknown>) =>
      Effect.map(
        Effect.forEach(values, (value) => sendOne(runtime, Exit.succeed(value))),
        (items) => json({ items })
      )

    const one = (runtime: AgentRuntime.AgentRuntime, value: unknown, millis: number) =>
      millis > 0
        ? Effect.map(
            Effect.flatMap(send(runtime, value), (sent) => ended(runtime, sent, millis)),
            receipt
          )
        : Effect.map(send(runtime, value), receipt)

    const post = (
      request: HttpServerRequest.HttpServerRequest,
      id: string,
      epoch: number | undefined,
      wait: string | undefined
    ): Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, CurrentPrincipal> =>
      Effect.flatMap(waitOf(wait), (millis) =>
        Effect.flatMap(read(request, limits, true), (body): ReturnType<typeof post> => {
          if (body.lines) return Effect.flatMap(found(id, epoch), (runtime) => lines(runtime, body.text))
          const value = parse(body.text, limits.jsonDepth)
          if (Exit.isFailure(value)) return Exit.failCause(value.cause)
          return Effect.flatMap(found(id, epoch), (runtime) =>
            Array.isArray(value.value) ? list(runtime, value.value) : one(runtime, value.value, millis)
          )
        })
      )

    return handlers
      .handleRaw("send", ({ params, query, request }) => answered(post(request, params.id, query.epoch, query.wait)))
      .handle("receipt", ({ params, query }) =>
        answered(
          Effect.gen(function* () {
            const millis = yield* waitOf(query.wait)
            const runtime = yield* found(params.id, query.epoch)
            const now = yield* runtime.receipt(params.activityId)
            return json(receiptToJson(millis > 0 ? yield* ended(runtime, now, millis) : now))
          })
        )
      )
      .handle("cancel", ({ params, query }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id, query.epoch), (runtime) => runtime.cancel(params.activityId)),
            (cancelled) => json(receiptToJson(cancelled))
          )
        )
      )
      .handle("events", ({ headers, params, query, request }) =>
        answered(
          Effect.gen(function* () {
            const wanted = yield* parseQuery({ ...query, lastEventId: headers["last-event-id"] })
            const principal = yield* CurrentPrincipal
            const runtime = yield* find(manager, principal, params.id, query.epoch)
            return yield* open({ gate, authorization, principal, headers: request.headers }, runtime, wanted)
          })
        )
      )
      .handle("deadLetters", ({ params, query }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id, query.epoch), (runtime) => runtime.deadLetters),
            (letters) =>
              json({
                items: letters.map((letter) => ({ ...letter, payload: letter.payload ?? null, at: isoTime(letter.at) }))
              })
          )
        )
      )
      .handle("replay", ({ params, query }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id, query.epoch), (runtime) => runtime.replay(params.activityId)),
            receipt
          )
        )
      )
      .handle("discard", ({ params, query }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id, query.epoch), (runtime) => runtime.discard(params.activityId)),
            () => HttpServerResponse.empty()
          )
        )
      )
  })
)
