import { ActivityId, AgentError, Receipt } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Deferred, Duration, Effect, Exit, Result, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { type Activities, SendActivity } from "../AgentApi.ts"
import type { PayloadTooLarge } from "../ApiError.ts"
import { Authorization, type Principal } from "../Authorization.ts"
import { type Failure, failureToJson, isoTime, json, receipt, receiptToJson, stringify } from "./answer.ts"
import { type Body, parse, read, tooManyActivities } from "./body.ts"
import { framesOf } from "./eventFrames.ts"
import { open, parseQuery } from "./events.ts"
import { faultOf } from "./fault.ts"
import { CurrentGate } from "./gate.ts"
import { parseTime } from "./parseTime.ts"
import type { Handlers } from "./routes.ts"
import { find } from "./runtimesApi.ts"

const decodeSend = Schema.decodeUnknownResult(Schema.toCodecJson(SendActivity))

/** The common case, which needs no schema: a type, a payload, and names that are text. */
const isPlain = (value: unknown): value is SendActivity => {
  if (typeof value !== "object" || value === null || !("type" in value)) return false
  for (const [key, field] of Object.entries(value)) {
    switch (key) {
      case "payload":
        break
      case "id":
        if (!ActivityId.isActivityId(field)) return false
        break
      case "type":
      case "correlationId":
      case "source":
        if (typeof field !== "string") return false
        break
      default:
        return false
    }
  }
  return true
}

/** One activity as it was sent, or what is wrong with it. */
const toSend = (value: unknown): Result.Result<SendActivity, AgentError.ActivityInvalid> =>
  isPlain(value)
    ? Result.succeed(value)
    : Result.mapError(decodeSend(value), (error) => {
        const { message, path } = faultOf(error)
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

export const activities = Effect.gen(function* () {
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
          Effect.raceFirst(runtime.awaitReceipt(sent.activityId), Deferred.await(gate.closed)),
          millis
        ),
        // Asked for anew it might be past retention, however lately it has ended.
        (ended) => (ended._tag === "Some" && ended.value ? Exit.succeed(ended.value) : runtime.receipt(sent.activityId))
      ),
      // Its receipt is past retention already.
      (error) => (error._tag === "ActivityNotFound" ? Exit.succeed(sent) : Exit.fail(error))
    )

  const waitOf = (text: string | undefined) =>
    text === undefined ? Exit.succeed(0) : Exit.map(parseTime("wait", text), (millis) => Math.min(longestWait, millis))

  const sendAll = <A>(
    runtime: AgentRuntime.AgentRuntime,
    all: ReadonlyArray<A>,
    value: (one: A) => Exit.Exit<unknown, Failure>
  ): Effect.Effect<Array<SendResult>, PayloadTooLarge> =>
    all.length > limits.activitiesPerRequest
      ? Exit.fail(tooManyActivities(limits))
      : Effect.forEach(all, (one) => sendOne(runtime, value(one)))

  const lines = (runtime: AgentRuntime.AgentRuntime, text: string) =>
    Effect.map(
      sendAll(
        runtime,
        text.split("\n").filter((line) => line.trim() !== ""),
        (line) => parse(line, limits.jsonDepth)
      ),
      (results) =>
        HttpServerResponse.text(results.map((result) => `${stringify(result)}\n`).join(""), {
          contentType: "application/x-ndjson"
        })
    )

  const list = (runtime: AgentRuntime.AgentRuntime, values: ReadonlyArray<unknown>) =>
    Effect.map(
      sendAll(runtime, values, (value) => Exit.succeed(value)),
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
    runtime: AgentRuntime.AgentRuntime,
    { lines: isLines, text }: Body,
    millis: number
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, Failure> => {
    if (isLines) return lines(runtime, text)
    const value = parse(text, limits.jsonDepth)
    if (Exit.isFailure(value)) return Exit.failCause(value.cause)
    return Array.isArray(value.value) ? list(runtime, value.value) : one(runtime, value.value, millis)
  }

  const on = (
    {
      params,
      query
    }: { readonly params: { readonly id: string }; readonly query: { readonly epoch?: number | undefined } },
    principal: Principal
  ) => find(manager, principal, params.id, query.epoch)

  return {
    send: (asked, principal) =>
      Effect.flatMapEager(waitOf(asked.query.wait), (millis) =>
        Effect.flatMap(read(asked.request, limits, true), (body) =>
          Effect.flatMap(on(asked, principal), (runtime) => post(runtime, body, millis))
        )
      ),
    receipt: Effect.fnUntraced(function* (asked, principal) {
      const millis = yield* waitOf(asked.query.wait)
      const runtime = yield* on(asked, principal)
      const now = yield* runtime.receipt(asked.params.activityId)
      return json(receiptToJson(millis > 0 ? yield* ended(runtime, now, millis) : now))
    }),
    cancel: Effect.fnUntraced(function* (asked, principal) {
      const runtime = yield* on(asked, principal)
      return json(receiptToJson(yield* runtime.cancel(asked.params.activityId)))
    }),
    events: Effect.fnUntraced(function* (asked, principal) {
      const wanted = yield* parseQuery({ ...asked.query, lastEventId: asked.headers["last-event-id"] })
      const runtime = yield* on(asked, principal)
      return yield* open({ gate, authorization, principal, headers: asked.request.headers }, runtime, wanted)
    }),
    deadLetters: Effect.fnUntraced(function* (asked, principal) {
      const runtime = yield* on(asked, principal)
      const letters = yield* runtime.deadLetters
      const frames = framesOf(runtime.agent)
      return json({
        items: letters.map((letter) => ({
          ...letter,
          payload: frames.payload(letter.type, letter.payload),
          at: isoTime(letter.at)
        }))
      })
    }),
    replay: Effect.fnUntraced(function* (asked, principal) {
      const runtime = yield* on(asked, principal)
      return receipt(yield* runtime.replay(asked.params.activityId))
    }),
    discard: Effect.fnUntraced(function* (asked, principal) {
      const runtime = yield* on(asked, principal)
      yield* runtime.discard(asked.params.activityId)
      return HttpServerResponse.empty()
    })
  } satisfies Handlers<typeof Activities>
})
