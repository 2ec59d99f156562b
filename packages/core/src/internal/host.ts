import { type ActivityType, type Agent, AgentError } from "@agent-runtime/schema"
import { Cause, Context, Duration, Effect, Exit, Option, Result, Schema, SchemaIssue, SchemaParser } from "effect"
import type { WireRequest } from "../AgentRuntime.ts"
import type { AnyHandler, Options } from "../Workflow.ts"
import type { Entry } from "./entry.ts"

/** The runtime whose workflow the current fiber runs, if any: ask chains and self-termination start from it. */
export const CurrentEntry: Context.Reference<Entry | undefined> = Context.Reference<Entry | undefined>(
  "@agent-runtime/core/CurrentEntry",
  { defaultValue: () => undefined }
)

/** An activity type made ready to run: its handler and its codecs, looked up once. */
export interface CompiledType {
  readonly name: string
  readonly definition: ActivityType.Any | undefined
  readonly handler: AnyHandler
  readonly timeoutMillis: number | undefined
  /** Validates what `ActivityType.make` built, with constructor defaults applied. */
  make(payload: unknown): Result.Result<unknown, AgentError.ActivityInvalid>
  /** Decodes a payload that arrived in JSON. */
  decode(payload: unknown): Result.Result<unknown, AgentError.ActivityInvalid>
  /** `undefined` where there is no reply. */
  readonly isReply: ((value: unknown) => boolean) | undefined
  isError(value: unknown): boolean
  encodePayload(value: unknown): Schema.Json | undefined
  encodeReply(value: unknown): Schema.Json | undefined
  encodeError(value: unknown): Schema.Json | undefined
}

/** An agent with its workflow, made ready to run. */
export interface Host {
  readonly agent: Agent.Any
  readonly context: Context.Context<never>
  readonly onDefect: "continue" | "terminate"
  readonly isState: ((value: unknown) => boolean) | undefined
  readonly isEmitted: ((value: unknown) => boolean) | undefined
  find(name: string): CompiledType | undefined
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const toKey = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

/** Where the first fault of a failed validation is, and what it says. */
export const faultOf = (cause: Cause.Cause<unknown>): { path: Array<string | number>; message: string } => {
  const found = Cause.findError(cause)
  const error: unknown = Result.isSuccess(found) ? found.success : undefined
  const issue = SchemaIssue.isIssue(error) ? error : Schema.isSchemaError(error) ? error.issue : undefined
  if (issue === undefined) return { path: [], message: Cause.pretty(cause) }
  const first = format(issue).issues[0]
  return { path: (first?.path ?? []).map(toKey), message: first?.message ?? "does not fit" }
}

const settle = (effect: Effect.Effect<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.isExit(effect) ? effect : Effect.runSyncExit(effect)

const validated = (name: string, exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
  const { message, path } = faultOf(exit.cause)
  const at = path.length === 0 ? "" : ` at ${path.join(".")}`
  return Result.fail(
    AgentError.ActivityInvalid.of(["payload", ...path], `The payload of "${name}" is wrong${at}: ${message}`)
  )
}

const encoder = (schema: ActivityType.PureCodec) => {
  const encode = Schema.encodeUnknownOption(Schema.toCodecJson(schema))
  return (value: unknown): Schema.Json | undefined => Option.getOrUndefined(encode(value)) as Schema.Json | undefined
}

const isVoid = (schema: ActivityType.PureCodec): boolean => schema.ast._tag === "Void"

const compile = (definition: ActivityType.Any, handler: AnyHandler): CompiledType => {
  const make = SchemaParser.makeEffect(definition.payload)
  const decode = Schema.decodeUnknownExit(Schema.toCodecJson(definition.payload))
  const empty = isVoid(definition.payload) ? null : {}
  const isReply = Schema.is(definition.success)
  return {
    name: definition.name,
    definition,
    handler,
    timeoutMillis: definition.timeout === undefined ? undefined : Duration.toMillis(definition.timeout),
    make: isVoid(definition.payload)
      ? (payload) =>
          payload === undefined
            ? Result.succeed(undefined)
            : Result.fail(AgentError.ActivityInvalid.of(["payload"], `"${definition.name}" takes no payload`))
      : (payload) => validated(definition.name, settle(make(payload))),
    decode: (payload) => validated(definition.name, decode(payload === undefined ? empty : payload)),
    isReply: isVoid(definition.success) ? undefined : isReply,
    isError: Schema.is(definition.error),
    encodePayload: isVoid(definition.payload) ? () => undefined : encoder(definition.payload),
    encodeReply: isVoid(definition.success) ? () => undefined : encoder(definition.success),
    encodeError: encoder(definition.error)
  }
}

/** A context whose services are found in one look-up, so that one more can be added to it cheaply. */
export const flatten = (context: Context.Context<never>): Context.Context<never> =>
  Context.makeUnsafe(new Map(context.mapUnsafe))

/** Makes an agent and its handlers ready to run. */
export const makeHost = (
  agent: Agent.Any,
  handlers: Readonly<Record<string, AnyHandler>>,
  context: Context.Context<never>,
  options: Options
): Host => {
  const timeoutMillis = options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
  const types = new Map<string, CompiledType>()
  for (const definition of agent.activities) {
    const handler = handlers[definition.name]
    if (handler === undefined) throw new Error(`Agent "${agent.name}" has no handler for activity "${definition.name}"`)
    const compiled = compile(definition, handler)
    types.set(definition.name, compiled.timeoutMillis === undefined ? { ...compiled, timeoutMillis } : compiled)
  }
  return {
    agent,
    context: flatten(context),
    onDefect: options.onDefect ?? "continue",
    isState: Schema.is(agent.state),
    isEmitted: Schema.is(agent.emits),
    find: (name) => types.get(name)
  }
}

/** The one type of a runtime made from a closure: nothing is validated, values are taken for JSON. */
class LocalType implements CompiledType {
  readonly name: string
  readonly definition = undefined
  readonly handler: AnyHandler
  readonly timeoutMillis: number | undefined
  constructor(name: string, handler: AnyHandler, timeoutMillis: number | undefined) {
    this.name = name
    this.handler = handler
    this.timeoutMillis = timeoutMillis
  }
  make(payload: unknown) {
    return Result.succeed(payload)
  }
  decode(payload: unknown) {
    return Result.succeed(payload)
  }
  isReply() {
    return true
  }
  isError() {
    return false
  }
  encodePayload(value: unknown) {
    return asJson(value)
  }
  encodeReply(value: unknown) {
    return asJson(value)
  }
  encodeError(value: unknown) {
    return asJson(value)
  }
}

const asJson = (value: unknown): Schema.Json | undefined => {
  if (value === undefined) return undefined
  try {
    return JSON.parse(JSON.stringify(value) ?? "null")
  } catch {
    return String(value)
  }
}

/** A host for a closure: any activity, any state. */
export class LocalHost implements Host {
  readonly agent: Agent.Any
  readonly context: Context.Context<never>
  readonly onDefect: "continue" | "terminate"
  readonly isState = undefined
  readonly isEmitted = undefined
  private readonly workflow: AnyHandler
  private readonly timeoutMillis: number | undefined
  private last: LocalType | undefined = undefined

  constructor(agent: Agent.Any, workflow: AnyHandler, context: Context.Context<never>, options: Options) {
    this.agent = agent
    this.workflow = workflow
    this.context = context
    this.onDefect = options.onDefect ?? "continue"
    this.timeoutMillis = options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
  }

  find(name: string): CompiledType {
    const last = this.last
    if (last !== undefined && last.name === name) return last
    return (this.last = new LocalType(name, this.workflow, this.timeoutMillis))
  }
}

/** Whether a request was built by `ActivityType.make`: then its payload is decoded already. */
export const isTyped = (request: WireRequest): request is ActivityType.ActivityRequest<ActivityType.Any> =>
  "activityType" in request
