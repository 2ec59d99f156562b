/**
 * What one caller may cost a server: sizes, times and numbers, each with a default that is safe on the open internet.
 *
 * @since 0.1.0
 */
import { Context, Duration, Effect, Layer } from "effect"
import { longestTimer } from "./internal/longestTimer.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ServerLimitsShape {
  /** Bytes of a request's body. Default 1 MiB. */
  readonly bodyBytes: number
  /** Activities that one request may send. Default 10,000. */
  readonly activitiesPerRequest: number
  /** Levels of nesting in a JSON body. Default 64. */
  readonly jsonDepth: number
  /** Bytes of a request's headers. Default 16 KiB. */
  readonly headerBytes: number
  /** How long a client may take to send its headers. Default 10 seconds. */
  readonly headersTimeout: Duration.Duration
  /** How long a client may take to send a whole request. Default 30 seconds. */
  readonly requestTimeout: Duration.Duration
  /** TCP connections of all clients together. Default 25,000. */
  readonly connections: number
  /** Requests of one principal in progress at once, event streams not counted. Default 1000. */
  readonly connectionsPerPrincipal: number
  /** Event streams of one principal open at once. Default 1000. */
  readonly streamsPerPrincipal: number
  /** Requests of one principal in a second, as many again in a burst. Default unlimited. */
  readonly requestsPerSecond: number
  /** The longest `wait` of an ask; longer ones are cut to it. Default 5 minutes. */
  readonly wait: Duration.Duration
  /** How many events may wait for one stream before it gets a `Gap`. Default 1024. */
  readonly streamCapacity: number
  /** After how long without an event a stream gets a sign of life. Default 15 seconds. */
  readonly keepAlive: Duration.Duration
  /** How long a reader may leave what was written unread before its stream is cut. Default 15 seconds. */
  readonly stallTimeout: Duration.Duration
  /** How often the credentials of open streams are checked again. Default 2 seconds. */
  readonly revocationInterval: Duration.Duration
  /** How long a server that goes down waits for what runs before it closes its port. Default 3 seconds. */
  readonly grace: Duration.Duration
}

/**
 * @category constants
 * @since 0.1.0
 */
export const defaults: ServerLimitsShape = {
  bodyBytes: 1_048_576,
  activitiesPerRequest: 10_000,
  jsonDepth: 64,
  headerBytes: 16_384,
  headersTimeout: Duration.seconds(10),
  requestTimeout: Duration.seconds(30),
  connections: 25_000,
  connectionsPerPrincipal: 1000,
  streamsPerPrincipal: 1000,
  requestsPerSecond: Number.POSITIVE_INFINITY,
  wait: Duration.minutes(5),
  streamCapacity: 1024,
  keepAlive: Duration.seconds(15),
  stallTimeout: Duration.seconds(15),
  revocationInterval: Duration.seconds(2),
  grace: Duration.seconds(3)
}

/**
 * The limits in force; `defaults` unless a layer says otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const ServerLimits: Context.Reference<ServerLimitsShape> = Context.Reference<ServerLimitsShape>(
  "@agent-runtime/transport-http/ServerLimits",
  { defaultValue: () => defaults }
)

const counts = [
  "bodyBytes",
  "activitiesPerRequest",
  "jsonDepth",
  "headerBytes",
  "connections",
  "connectionsPerPrincipal",
  "streamsPerPrincipal",
  "requestsPerSecond",
  "streamCapacity"
] as const

const durations = [
  "headersTimeout",
  "requestTimeout",
  "wait",
  "keepAlive",
  "stallTimeout",
  "revocationInterval",
  "grace"
] as const

/**
 * Completes partial limits with `defaults`. Throws a `RangeError` that names a limit out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Partial<ServerLimitsShape>): ServerLimitsShape => {
  const limits = { ...defaults, ...options }
  for (const name of counts) {
    if (!(limits[name] >= 1)) throw new RangeError(`ServerLimits: ${name} must be at least 1, got ${limits[name]}`)
  }
  for (const name of durations) {
    const millis = Duration.toMillis(limits[name])
    if (millis <= 0 && name !== "wait" && name !== "grace") {
      throw new RangeError(`ServerLimits: ${name} must be more than 0 milliseconds`)
    }
    if (!(millis <= longestTimer)) {
      throw new RangeError(`ServerLimits: ${name} must be at most ${longestTimer} milliseconds, about 24 days`)
    }
  }
  return limits
}

/**
 * Sets limits.
 *
 * @example
 * ```ts
 * import { ServerLimits } from "@agent-runtime/transport-http"
 * import { Layer } from "effect"
 *
 * const limits = ServerLimits.layer({ bodyBytes: 65_536, requestsPerSecond: 50 })
 * console.log(Layer.isLayer(limits)) // true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<ServerLimitsShape>): Layer.Layer<never> =>
  Layer.effectContext(Effect.sync(() => Context.make(ServerLimits, make(options))))
