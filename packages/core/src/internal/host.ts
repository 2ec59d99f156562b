import { type ActivityType, type Agent, AgentError } from "@agent-runtime/schema"
import { Cause, Context, Duration, Effect, Exit, Result, Schema, SchemaIssue, SchemaParser } from "effect"
import type { WireRequest } from "../AgentRuntime.ts"
import type { AnyHandler, Options } from "../Workflow.ts"
import { AgentMetrics } from "./agentMetrics.ts"
import type { Entry } from "./entry.ts"
import { freeze } from "./freeze.ts"
import type { Kernel } from "./kernel.ts"

/** The runtime whose workflow the current fiber runs, if any: ask chains and self-termination start from it. */
export const CurrentEntry: Context.Reference<Entry | undefined> = Context.Reference<Entry | undefined>(
  "@agent-runtime/core/CurrentEntry",
  { defaultValue: () => undefined }
)

/** An activity type made ready to run: its handler and its codecs, looked up once. */
export interface CompiledType {
  readonly kernel: Kernel
  readonly name: string
  readonly definition: ActivityType.Any | undefined
  readonly handler: AnyHandler
  readonly timeoutMillis: number | undefined
  /** Whether an activity of this type is refused while another of it is pending. */
  readonly rejectsOverlap: boolean
  /** Validates what `ActivityType.make` built, with constructor defaults applied. */
  make(payload: unknown): unknown | AgentError.ActivityInvalid
  /** Decodes a payload that arrived in JSON. */
  decode(payload: unknown): unknown | AgentError.ActivityInvalid
  /** `undefined` where there is no reply. */
  readonly isReply: ((value: unknown) => boolean) | undefined
  decodeReply(json: Schema.Json | undefined): unknown
  decodeError(json: Schema.Json | undefined): unknown
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
  readonly metrics: AgentMetrics | undefined
  readonly isState: ((value: unknown) => boolean) | undefined
  readonly isEmitted: ((value: unknown) => boolean) | undefined
  find(name: string): CompiledType | undefined
  /** A state in JSON, as a store is given it; fails with what is wrong. */
  encodeState(state: unknown): Result.Result<Schema.Json, string>
  /** A state that was stored, migrated to the agent's version; fails with what is wrong. */
  decodeState(state: Schema.Json, version: number): Result.Result<unknown, string>
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const toKey = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

/** Where the first fault of a failed validation is, and what it says. */
export const faultOf = (cause: Cause.Cause<unknown>): { path: Array<string | number>; message: string } => {
  const error = Cause.squash(cause)
  const issue = SchemaIssue.isIssue(error) ? error : Schema.isSchemaError(error) ? error.issue : undefined
  // A check or a transformation of the schema threw: its stack is nobody's business.
  if (issue === undefined) return { path: [], message: `its schema threw ${String(error)}` }
  const first = format(issue).issues[0]
  return { path: (first?.path ?? []).map(toKey), message: first?.message ?? "does not fit" }
}

const at = (path: ReadonlyArray<string | number>): string => (path.length === 0 ? "" : ` at ${path.join(".")}`)

const check = (schema: ActivityType.PureCodec, value: unknown): Exit.Exit<unknown, unknown> =>
  SchemaParser.decodeUnknownExit(Schema.toType(schema))(value)

/** Whether a decoded state fits its schema. */
export const checkState = (agent: Agent.Any, state: unknown): Exit.Exit<unknown, unknown> => check(agent.state, state)

/** Where and why a value does not fit its schema. */
export const misfit = (schema: ActivityType.PureCodec | undefined, value: unknown): string => {
  const exit = schema === undefined ? Exit.void : check(schema, value)
  if (Exit.isSuccess(exit)) return ""
  const { message, path } = faultOf(exit.cause)
  return `${at(path)}: ${message}`
}

const settle = (effect: Effect.Effect<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.isExit(effect) ? effect : Effect.runSyncExit(effect)

const validated = (name: string, exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return exit.value
  const { message, path } = faultOf(exit.cause)
  return AgentError.ActivityInvalid.of(["payload", ...path], `The payload of "${name}" is wrong${at(path)}: ${message}`)
}

/** Whether a value fits a schema: one at which a check throws does not. */
const guard = (schema: ActivityType.PureCodec) => {
  const is = Schema.is(schema)
  return (value: unknown): boolean => {
    try {
      return is(value)
    } catch {
      return false
    }
  }
}

const encoder = (schema: ActivityType.PureCodec) => {
  const encode = Schema.encodeUnknownExit(Schema.toCodecJson(schema))
  return (value: unknown): Schema.Json | undefined => {
    const exit = encode(value)
    return Exit.isSuccess(exit) ? (exit.value as Schema.Json) : undefined
  }
}

/** Decodes what was encoded before; what does not fit any more stays JSON. */
const decoder = (schema: ActivityType.PureCodec) => {
  const decode = Schema.decodeUnknownExit(Schema.toCodecJson(schema))
  return (json: Schema.Json | undefined): unknown => {
    const exit = decode(json)
    return Exit.isSuccess(exit) ? exit.value : json
  }
}

const isVoid = (schema: ActivityType.PureCodec): boolean => schema.ast._tag === "Void"

const compile = (definition: ActivityType.Any, handler: AnyHandler): Omit<CompiledType, "kernel"> => {
  const make = SchemaParser.makeEffect(definition.payload)
  const decode = Schema.decodeUnknownExit(Schema.toCodecJson(definition.payload))
  const empty = isVoid(definition.payload) ? null : {}
  return {
    name: definition.name,
    definition,
    handler,
    rejectsOverlap: definition.overlap === "reject",
    timeoutMillis: definition.timeout === undefined ? undefined : Duration.toMillis(definition.timeout),
    make: isVoid(definition.payload)
      ? (payload) =>
          payload === undefined
            ? undefined
            : AgentError.ActivityInvalid.of(["payload"], `"${definition.name}" takes no payload`)
      : (payload) => validated(definition.name, settle(make(payload))),
    decode: (payload) => validated(definition.name, decode(payload === undefined ? empty : payload)),
    isReply: isVoid(definition.success) ? undefined : guard(definition.success),
    isError: guard(definition.error),
    decodeReply: isVoid(definition.success) ? () => undefined : decoder(definition.success),
    decodeError: decoder(Schema.Union([definition.error, AgentError.OutcomeError])),
    encodePayload: isVoid(definition.payload) ? () => undefined : encoder(definition.payload),
    encodeReply: isVoid(definition.success) ? () => undefined : encoder(definition.success),
    encodeError: encoder(definition.error)
  }
}

/** A context whose services are found in one look-up, so that one more can be added to it cheaply. */
export const flatten = (context: Context.Context<never>): Context.Context<never> =>
  Context.makeUnsafe(new Map(context.mapUnsafe))

const migrated = (
  agent: Agent.Any,
  stored: Schema.Json,
  version: number,
  decode: (state: unknown) => Exit.Exit<unknown, unknown>
): Result.Result<unknown, string> => {
  if (version > agent.version) {
    return Result.fail(`it was written by version ${version} of "${agent.name}", this is version ${agent.version}`)
  }
  let state: unknown = stored
  for (let from = version; from < agent.version; from++) {
    const migrate = agent.migrations[from]
    if (migrate === undefined) return Result.fail(`"${agent.name}" has no migration from version ${from}`)
    try {
      state = migrate(state)
    } catch (defect) {
      return Result.fail(`the migration of "${agent.name}" from version ${from} failed: ${String(defect)}`)
    }
  }
  const exit = decode(state)
  if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
  const { message, path } = faultOf(exit.cause)
  return Result.fail(`it does not fit the state of "${agent.name}"${at(path)}: ${message}`)
}

/** Makes an agent and its handlers ready to run. */
export const makeHost = (
  kernel: Kernel,
  agent: Agent.Any,
  handlers: Readonly<Record<string, AnyHandler>>,
  context: Context.Context<never>,
  options: Options
): Host => {
  const timeoutMillis = options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
  const initial = checkState(agent, agent.initialState)
  if (Exit.isFailure(initial)) {
    const { message, path } = faultOf(initial.cause)
    throw new Error(`The initialState of agent "${agent.name}" does not fit its schema${at(path)}: ${message}`)
  }
  // All runtimes of the agent begin with this very value.
  freeze(agent.initialState)
  const json = Schema.toCodecJson(agent.state)
  const encodeState = Schema.encodeUnknownExit(json)
  const decodeState = Schema.decodeUnknownExit(json)
  const types = new Map<string, CompiledType>()
  for (const definition of agent.activities) {
    const handler = handlers[definition.name]
    if (handler === undefined) throw new Error(`Agent "${agent.name}" has no handler for activity "${definition.name}"`)
    const compiled: CompiledType = { kernel, ...compile(definition, handler) }
    types.set(definition.name, compiled.timeoutMillis === undefined ? { ...compiled, timeoutMillis } : compiled)
  }
  return {
    agent,
    context: flatten(context),
    onDefect: options.onDefect ?? "continue",
    metrics: new AgentMetrics(agent.name, kernel.context),
    isState: guard(agent.state),
    isEmitted: guard(agent.emits),
    find: (name) => types.get(name),
    encodeState: (state) => {
      const exit = encodeState(state)
      return Exit.isSuccess(exit) ? Result.succeed(exit.value as Schema.Json) : Result.fail(faultOf(exit.cause).message)
    },
    decodeState: (state, version) => migrated(agent, state, version, decodeState)
  }
}

/** The one type of a runtime made from a closure: nothing is validated, values are taken for JSON. */
export class LocalType implements CompiledType {
  readonly kernel: Kernel
  readonly name: string
  readonly definition = undefined
  readonly rejectsOverlap = false
  readonly handler: AnyHandler
  readonly timeoutMillis: number | undefined
  constructor(kernel: Kernel, name: string, handler: AnyHandler, timeoutMillis: number | undefined) {
    this.kernel = kernel
    this.name = name
    this.handler = handler
    this.timeoutMillis = timeoutMillis
  }
  make(payload: unknown) {
    return payload
  }
  decode(payload: unknown) {
    return payload
  }
  isReply() {
    return true
  }
  isError() {
    return false
  }
  decodeReply(json: Schema.Json | undefined) {
    return json
  }
  decodeError(json: Schema.Json | undefined) {
    return json
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

const isJson = (value: unknown): boolean => {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/** A host for a closure: any activity, any state. */
export class LocalHost implements Host {
  readonly agent: Agent.Any
  readonly onDefect: "continue" | "terminate"
  readonly metrics = undefined
  readonly isState = undefined
  readonly isEmitted = undefined
  private readonly kernel: Kernel
  private readonly workflow: AnyHandler
  private readonly timeoutMillis: number | undefined
  private last: LocalType | undefined = undefined

  constructor(kernel: Kernel, agent: Agent.Any, workflow: AnyHandler, options: Options) {
    this.kernel = kernel
    this.agent = agent
    this.workflow = workflow
    this.onDefect = options.onDefect ?? "continue"
    this.timeoutMillis = options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
  }

  // A closure does not survive its process: its states are never stored.
  encodeState(): never {
    throw new Error("A runtime made from a closure is not durable")
  }
  decodeState(): never {
    throw new Error("A runtime made from a closure is not durable")
  }

  get context(): Context.Context<never> {
    return this.kernel.context
  }

  find(name: string): CompiledType {
    const last = this.last
    if (last !== undefined && last.name === name) return last
    return (this.last = new LocalType(this.kernel, name, this.workflow, this.timeoutMillis))
  }
}

/** A request in JSON, so that it can be kept and sent on; one that was built by `ActivityType.make` is validated. */
export const toWire = (request: WireRequest): Result.Result<WireRequest, AgentError.ActivityInvalid> => {
  let { payload } = request
  let isKept: boolean
  if (isTyped(request)) {
    let kind = compiled.get(request.activityType)
    if (kind === undefined) compiled.set(request.activityType, (kind = compile(request.activityType, noHandler)))
    const made = kind.make(payload)
    if (made instanceof AgentError.ActivityInvalid) return Result.fail(made)
    payload = kind.encodePayload(made)
    isKept = payload !== undefined || made === undefined
  } else isKept = isJson(payload)
  return isKept
    ? Result.succeed({ type: request.type, payload })
    : Result.fail(AgentError.ActivityInvalid.of(["payload"], `The payload of "${request.type}" is no JSON`))
}
const compiled = new WeakMap<ActivityType.Any, Omit<CompiledType, "kernel">>()
export const noHandler: AnyHandler = () => Effect.never

/** Whether a request was built by `ActivityType.make`: then its payload is decoded already. */
export const isTyped = (request: WireRequest): request is ActivityType.ActivityRequest<ActivityType.Any> =>
  "activityType" in request
