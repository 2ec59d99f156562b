import { AgentError, type Receipt } from "@agent-runtime/schema"
import { type AgentRuntime, RuntimeManager } from "@agent-runtime/core"
import { Duration, Effect, Exit, Option, Result, Schema } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { AgentApi, CurrentPrincipal, SendActivity } from "../AgentApi.ts"
import { Authorization } from "../Authorization.ts"
import { faultOf } from "./access.ts"
import { type Failure, failureToJson, isoTime, json, receipt, receiptToJson } from "./answer.ts"
import { parse, read } from "./body.ts"
import { open, parseQuery } from "./events.ts"
import { CurrentGate } from "./gate.ts"
import { answered, find } from "./runtimesApi.ts"

const decodeSend = Schema.decodeUnknownResult(Schema.toCodecJson(SendActivity))

/** One activity as it was sent, or what is wrong with it. */
const toSend = (value: unknown): Result.Result<SendActivity, AgentError.ActivityInvalid> =>
  Result.mapError(decodeSend(value), ({ issue }) => {
    const { message, path } = faultOf(issue)
    return AgentError.ActivityInvalid.of(path, `${path.join(".") || "An activity"} is wrong: ${message}`)
  })

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** The milliseconds of `30s`, `500ms` or `2m`. */
const parseWait = (text: string): Exit.Exit<number, AgentError.RequestInvalid> => {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return Exit.succeed(Number(amount) * (units[unit] ?? 1))
  return Exit.fail(
    new AgentError.RequestInvalid({ path: ["wait"], message: "wait is a time such as 500ms, 30s or 2m" })
  )
}

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

    /** Waits for the end of an activity, but no longer than `millis`, nor than this server is up. */
    const ended = (runtime: AgentRuntime.AgentRuntime, sent: Receipt.Receipt, millis: number) =>
      Effect.catch(
        Effect.map(
          Effect.timeoutOption(
            Effect.raceFirst(
              Effect.map(runtime.awaitReceipt(sent.activityId), Option.some),
              Effect.as(
                Effect.promise(() => gate.closed),
                Option.none<Receipt.Receipt>()
              )
            ),
            millis
          ),
          (found) => Option.getOrElse(Option.flatten(found), () => sent)
        ),
        // Its receipt is past retention already.
        (error) => (error._tag === "ActivityNotFound" ? Exit.succeed(sent) : Exit.fail(error))
      )

    const found = (id: string) => Effect.flatMap(CurrentPrincipal, (principal) => find(manager, principal, id))

    const post = Effect.fnUntraced(function* (id: string, wait: string | undefined) {
      const request = yield* HttpServerRequest.HttpServerRequest
      const millis = wait === undefined ? 0 : Math.min(longestWait, yield* parseWait(wait))
      const body = yield* read(request, limits, true)
      if (body.lines) {
        const runtime = yield* found(id)
        const lines = body.text.split("\n").filter((line) => line.trim() !== "")
        const results = yield* Effect.forEach(lines, (line) => sendOne(runtime, parse(line, limits.jsonDepth)))
        return HttpServerResponse.text(results.map((result) => `${JSON.stringify(result)}\n`).join(""), {
          contentType: "application/x-ndjson"
        })
      }
      const value = yield* parse(body.text, limits.jsonDepth)
      const runtime = yield* found(id)
      if (Array.isArray(value)) {
        return json({ items: yield* Effect.forEach(value, (item) => sendOne(runtime, Exit.succeed(item))) })
      }
      const sent = yield* send(runtime, value)
      return receipt(millis > 0 ? yield* ended(runtime, sent, millis) : sent)
    })

    return handlers
      .handleRaw("send", ({ params, query }) => answered(post(params.id, query.wait)))
      .handle("receipt", ({ params }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id), (runtime) => runtime.receipt(params.activityId)),
            (found) => json(receiptToJson(found))
          )
        )
      )
      .handle("cancel", ({ params }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id), (runtime) => runtime.cancel(params.activityId)),
            (cancelled) => json(receiptToJson(cancelled))
          )
        )
      )
      .handle("events", ({ headers, params, query, request }) =>
        answered(
          Effect.gen(function* () {
            const wanted = yield* parseQuery({ ...query, lastEventId: headers["last-event-id"] })
            const principal = yield* CurrentPrincipal
            const runtime = yield* find(manager, principal, params.id)
            return yield* open(gate, authorization, principal, request.headers, runtime, wanted)
          })
        )
      )
      .handle("deadLetters", ({ params }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id), (runtime) => runtime.deadLetters),
            (letters) =>
              json({
                items: letters.map((letter) => ({ ...letter, payload: letter.payload ?? null, at: isoTime(letter.at) }))
              })
          )
        )
      )
      .handle("replay", ({ params }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id), (runtime) => runtime.replay(params.activityId)),
            receipt
          )
        )
      )
      .handle("discard", ({ params }) =>
        answered(
          Effect.map(
            Effect.flatMap(found(params.id), (runtime) => runtime.discard(params.activityId)),
            () => HttpServerResponse.empty()
          )
        )
      )
  })
)
