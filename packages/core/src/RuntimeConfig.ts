/**
 * Limits and defaults of a runtime manager, from code (`layer`) or from the environment (`layerConfig`).
 *
 * @since 0.1.0
 */
import { Priority } from "@agent-runtime/schema"
import { Config, Context, Duration, Effect, Layer, Schema } from "effect"

/**
 * Which states a store keeps readable, for `fork` and for checks: the last only, every nth sequence, or all.
 *
 * @category models
 * @since 0.1.0
 */
export type StatePolicy = "last" | "all" | { readonly every: number }

/**
 * @category models
 * @since 0.1.0
 */
export interface RuntimeConfigShape {
  /** Runtimes a manager may hold. Default 1,000,000. */
  readonly maxRuntimes: number
  /** Activities that may wait in each lane of a mailbox. Default 1024. */
  readonly mailboxCapacity: number | Readonly<Record<Priority.Priority, number>>
  /**
   * What happens to an activity whose lane is full: `fail` (default) fails the send with `MailboxFull`, `suspend` makes
   * the sender wait, `sliding` supersedes the oldest of the lane, or fails too where all that holds a place is delayed or is
   * being written.
   */
  readonly mailboxStrategy: "fail" | "suspend" | "sliding"
  /** How often a lane may be passed over before it goes next. Default 8. */
  readonly maxSkips: number
  /** How long one attempt may run unless its type says otherwise. Default 30 seconds. */
  readonly activityTimeout: Duration.Duration
  /**
   * How long termination waits for what runs and what is queued, and then again for what it has interrupted; a manager that closes
   * waits for that half a second at most. Default 5 seconds.
   */
  readonly grace: Duration.Duration
  /** Events kept per runtime for replay. Default 1000. */
  readonly logRetention: number
  /** Ended activities whose receipts are kept per runtime. Default 1000. */
  readonly receiptRetention: number
  /** How long the receipt of an ended activity is kept. Default 1 hour. */
  readonly receiptTimeToLive: Duration.Duration
  /** Dead letters kept per runtime; the oldest go first. Default 1000. */
  readonly deadLetterCapacity: number
  /** Values emitted by the running attempt that a late subscriber still gets. Default 1000. */
  readonly emittedRetention: number
  /** The size of a payload in JSON, as UTF-8, estimated: escapes count for nothing. Bounds its metadata as well. Default 1 MiB. */
  readonly maxPayloadBytes: number
  /** Restarts after which a runtime whose processing dies is given up. Default 5. */
  readonly maxRestarts: number
  /** With a store: how long a runtime with nothing to do stays in memory. Default 10 minutes. */
  readonly maxIdleTime: Duration.Duration
  /** With a store: which states stay readable. Default `"last"`. */
  readonly statePolicy: StatePolicy
  /** With a store: how many states are kept per runtime beside the last. Default 1000. */
  readonly stateRetention: number
  /**
   * Whether states are deeply frozen before a workflow sees them. Default: unless `NODE_ENV` is `production`. The `initialState`
   * of an agent is always frozen.
   */
  readonly freezeState: boolean
}

const isProduction = (): boolean => {
  const host = globalThis as unknown as { readonly process?: { readonly env?: Record<string, string | undefined> } }
  return host.process?.env?.NODE_ENV === "production"
}

/**
 * @category constants
 * @since 0.1.0
 */
export const defaults: RuntimeConfigShape = {
  maxRuntimes: 1_000_000,
  mailboxCapacity: 1024,
  mailboxStrategy: "fail",
  maxSkips: 8,
  activityTimeout: Duration.seconds(30),
  grace: Duration.seconds(5),
  logRetention: 1000,
  receiptRetention: 1000,
  receiptTimeToLive: Duration.hours(1),
  deadLetterCapacity: 1000,
  emittedRetention: 1000,
  maxPayloadBytes: 1_048_576,
  maxRestarts: 5,
  maxIdleTime: Duration.minutes(10),
  statePolicy: "last",
  stateRetention: 1000,
  freezeState: !isProduction()
}

/**
 * The limits in force; `defaults` unless a layer says otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const RuntimeConfig: Context.Reference<RuntimeConfigShape> = Context.Reference<RuntimeConfigShape>(
  "@agent-runtime/core/RuntimeConfig",
  { defaultValue: () => defaults }
)

const positive = (name: string, value: number, least: number): number => {
  if (!(value >= least) || (!Number.isInteger(value) && value !== Number.POSITIVE_INFINITY)) {
    throw new RangeError(`RuntimeConfig: ${name} must be a whole number of at least ${least}, got ${value}`)
  }
  return value
}

const positiveDuration = (name: string, value: Duration.Duration): void => {
  if (!Duration.isDuration(value) || Duration.toMillis(value) < 0) {
    throw new RangeError(`RuntimeConfig: ${name} must be a Duration of at least 0, got ${String(value)}`)
  }
}

const oneOf = (name: string, value: unknown, allowed: ReadonlyArray<string>): void => {
  if (!allowed.includes(value as string)) {
    throw new RangeError(`RuntimeConfig: ${name} must be one of ${allowed.join(", ")}, got ${String(value)}`)
  }
}

/**
 * Completes partial limits with `defaults`. Throws a `RangeError` that names a limit out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Partial<RuntimeConfigShape>): RuntimeConfigShape => {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const config: RuntimeConfigShape = { ...defaults, ...given }
  const { mailboxCapacity, statePolicy } = config
  if (typeof mailboxCapacity === "number") positive("mailboxCapacity", mailboxCapacity, 1)
  else for (const lane of Priority.priorities) positive(`mailboxCapacity.${lane}`, mailboxCapacity[lane], 1)
  oneOf("mailboxStrategy", config.mailboxStrategy, ["fail", "suspend", "sliding"])
  positiveDuration("activityTimeout", config.activityTimeout)
  positiveDuration("grace", config.grace)
  positiveDuration("receiptTimeToLive", config.receiptTimeToLive)
  positiveDuration("maxIdleTime", config.maxIdleTime)
  positive("maxRuntimes", config.maxRuntimes, 1)
  positive("maxSkips", config.maxSkips, 1)
  positive("maxPayloadBytes", config.maxPayloadBytes, 1)
  positive("logRetention", config.logRetention, 0)
  positive("receiptRetention", config.receiptRetention, 0)
  positive("deadLetterCapacity", config.deadLetterCapacity, 0)
  positive("emittedRetention", config.emittedRetention, 0)
  positive("maxRestarts", config.maxRestarts, 0)
  positive("stateRetention", config.stateRetention, 0)
  if (typeof statePolicy === "object") positive("statePolicy.every", statePolicy.every, 1)
  else oneOf("statePolicy", statePolicy, ["last", "all"])
  return config
}

/**
 * Sets limits from code.
 *
 * @example
 * ```ts
 * import { RuntimeConfig, RuntimeManager } from "@agent-runtime/core"
 * import { Layer } from "effect"
 *
 * const layer = RuntimeManager.layer.pipe(Layer.provide(RuntimeConfig.layer({ mailboxCapacity: 64 })))
 * console.log(Layer.isLayer(layer)) // true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<RuntimeConfigShape>): Layer.Layer<never> =>
  Layer.effectContext(Effect.sync(() => Context.make(RuntimeConfig, make(options))))

const whole = (name: string, least: number) =>
  Config.option(Config.schema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(least)), name))

const positiveSpan = Schema.DurationFromString.check(
  Schema.makeFilter((duration: Duration.Duration) => Duration.toMillis(duration) >= 0 || "a duration of at least 0")
)
const span = (name: string) => Config.option(Config.schema(positiveSpan, name))

const fromEnvironment = Config.all({
  maxRuntimes: whole("MAX_RUNTIMES", 1),
  mailboxCapacity: whole("MAILBOX_CAPACITY", 1),
  maxSkips: whole("MAX_SKIPS", 1),
  activityTimeout: span("ACTIVITY_TIMEOUT"),
  grace: span("GRACE"),
  logRetention: whole("LOG_RETENTION", 0),
  receiptRetention: whole("RECEIPT_RETENTION", 0),
  receiptTimeToLive: span("RECEIPT_TIME_TO_LIVE"),
  deadLetterCapacity: whole("DEAD_LETTER_CAPACITY", 0),
  maxPayloadBytes: whole("MAX_PAYLOAD_BYTES", 1),
  maxIdleTime: span("MAX_IDLE_TIME")
}).pipe(Config.nested("AGENT_RUNTIME"))

/**
 * Sets limits from the environment: `AGENT_RUNTIME_MAX_RUNTIMES`, `AGENT_RUNTIME_MAILBOX_CAPACITY`,
 * `AGENT_RUNTIME_MAX_SKIPS`, `AGENT_RUNTIME_ACTIVITY_TIMEOUT` (such as `30 seconds`), `AGENT_RUNTIME_GRACE`,
 * `AGENT_RUNTIME_LOG_RETENTION`, `AGENT_RUNTIME_RECEIPT_RETENTION`, `AGENT_RUNTIME_RECEIPT_TIME_TO_LIVE`,
 * `AGENT_RUNTIME_DEAD_LETTER_CAPACITY`, `AGENT_RUNTIME_MAX_PAYLOAD_BYTES`, `AGENT_RUNTIME_MAX_IDLE_TIME`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<never, Config.ConfigError> = Layer.effectContext(
  Effect.map(fromEnvironment, (found) => {
    const given: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(found)) if (value._tag === "Some") given[key] = value.value
    return Context.make(RuntimeConfig, make(given as Partial<RuntimeConfigShape>))
  })
)
