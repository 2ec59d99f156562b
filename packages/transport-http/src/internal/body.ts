import { AgentError } from "@agent-runtime/schema"
import { Effect, Exit } from "effect"
import { type HttpServerError, type HttpServerRequest } from "effect/http"
import { PayloadTooLarge, UnsupportedMediaType } from "../ApiError.ts"
import type { ServerLimitsShape } from "../ServerLimits.ts"

export type BodyError = AgentError.RequestInvalid | PayloadTooLarge | UnsupportedMediaType

export const tooLarge = ({ bodyBytes: limit }: ServerLimitsShape): PayloadTooLarge =>
  new PayloadTooLarge({ limit, message: `A body holds at most ${limit} bytes: send less at once` })

export const tooManyActivities = ({ activitiesPerRequest: limit }: ServerLimitsShape): PayloadTooLarge =>
  new PayloadTooLarge({ limit, message: `A body holds at most ${limit} activities: send fewer at once` })

/** What cannot be read at all. */
export const invalid = (message: string): AgentError.RequestInvalid =>
  new AgentError.RequestInvalid({ path: [], message })

const decoder = new TextDecoder("utf-8", { fatal: true })

/** The media type without its parameters; `undefined` where it, its charset or its encoding is none we read. */
const mediaTypeOf = (request: HttpServerRequest.HttpServerRequest): string | undefined => {
  const { headers } = request
  const encoding = headers["content-encoding"]
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") return undefined
  const given = headers["content-type"]
  if (given === undefined || given === "application/json") return given
  const [type = "", ...parameters] = given.split(";")
  for (const parameter of parameters) {
    const [key = "", value = ""] = parameter.split("=")
    if (key.trim().toLowerCase() === "charset" && !/^"?utf-?8"?$/i.test(value.trim())) return undefined
  }
  return type.trim().toLowerCase()
}

/** Whether JSON nests deeper than `limit`, found without parsing it. */
export const isDeeperThan = (text: string, limit: number): boolean => {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (quoted) {
      if (code === 92) i++
      else if (code === 34) quoted = false
    } else if (code === 34) quoted = true
    else if (code === 123 || code === 91) {
      if (++depth > limit) return true
    } else if (code === 125 || code === 93) depth--
  }
  return false
}

/** Parses JSON of at most `depth` levels. */
export const parse = (text: string, depth: number): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  if (isDeeperThan(text, depth)) return Exit.fail(invalid(`JSON nests at most ${depth} levels deep`))
  try {
    return Exit.succeed(JSON.parse(text) as unknown)
  } catch {
    return Exit.fail(invalid("The body is no JSON"))
  }
}

/** A body as text, and whether it is lines of JSON (`lines`) rather than one value. */
export interface Body {
  readonly text: string
  readonly lines: boolean
}

/** Reads the body of a request within the limits; `MaxBodySize` is the server's. */
export const read = (
  request: HttpServerRequest.HttpServerRequest,
  limits: ServerLimitsShape,
  takesLines: boolean
): Effect.Effect<Body, BodyError> => {
  const type = mediaTypeOf(request)
  const lines = takesLines && type === "application/x-ndjson"
  if (!lines && type !== "application/json") {
    return Exit.fail(
      new UnsupportedMediaType({
        message: `Send content-type: application/json${takesLines ? " or application/x-ndjson" : ""}, in UTF-8, not compressed`
      })
    )
  }
  if (Number(request.headers["content-length"] ?? 0) > limits.bodyBytes) {
    return Exit.fail(tooLarge(limits))
  }
  return Effect.matchEffect(request.arrayBuffer, {
    onFailure: (error) => Exit.fail(isTooLarge(error) ? tooLarge(limits) : invalid("The body ended too soon")),
    onSuccess: (bytes): Exit.Exit<Body, BodyError> => {
      try {
        return Exit.succeed({ text: decoder.decode(bytes), lines })
      } catch {
        return Exit.fail(invalid("The body is no UTF-8"))
      }
    }
  })
}

const isTooLarge = ({ reason }: HttpServerError.HttpServerError): boolean =>
  reason._tag === "RequestParseError" && "reason" in reason && reason.reason === "BodyTooLarge"
