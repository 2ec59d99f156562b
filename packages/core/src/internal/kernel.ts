import type { AgentError, Receipt } from "@agent-runtime/schema"
import { Clock, Context, Duration, Effect, type Fiber, Scheduler, Tracer } from "effect"
import type { SendOptions, WireRequest } from "../AgentRuntime.ts"
import { RuntimeConfig, type RuntimeConfigShape } from "../RuntimeConfig.ts"
import type { FindError } from "../RuntimeManager.ts"
import { Dispatcher } from "./dispatcher.ts"
import type { Entry } from "./entry.ts"
import { Faults, type InjectFault } from "./faults.ts"
import { Ids } from "./ids.ts"
import { Timers } from "./timers.ts"

/** What all runtimes of a manager share. */
export interface Kernel extends Manager {
  readonly config: RuntimeConfigShape
  /** The durations of the config, in milliseconds. */
  readonly millis: {
    readonly activityTimeout: number
    readonly grace: number
    readonly receiptTimeToLive: number
    readonly maxIdleTime: number
  }
  readonly clock: Clock.Clock
  /** When the manager started, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Milliseconds since the manager started: the times of everything that lives only in memory. */
  readonly now: () => number
  readonly context: Context.Context<never>
  readonly dispatcher: Dispatcher
  readonly timers: Timers
  /** Whether a tracer was provided: then every activity gets a span, otherwise only those whose sender has one. */
  readonly tracing: boolean
  /** Of tests only. */
  readonly injectFault: InjectFault | undefined
  readonly fork: <A, E>(effect: Effect.Effect<A, E>, context: Context.Context<never>) => Fiber.Fiber<A, E>
  readonly ids: Ids
  /** Ended activities kept per runtime, as receipts or as events. */
  readonly historyRetention: number
}

/** What a runtime asks of its manager. */
interface Manager {
  /**
   * Sends to any runtime of the manager. `AgentNotFound`: it is in the store, but nobody here can run it now. `outbox` is its
   * place in the store's outbox, 0 where it has none; `patience` how many milliseconds it waits for a place in a full mailbox.
   */
  readonly send: (
    runtimeId: string,
    request: WireRequest,
    options: SendOptions,
    outbox: number,
    patience: number
  ) => Effect.Effect<Receipt.Receipt, AgentError.AgentNotFound | AgentError.SendError | FindError>
  /** Whether what a runtime runs waits for another runtime, itself or through those that it waits for. */
  readonly waitsFor: (id: string, other: string) => boolean
  /** Removes a closed runtime from the manager. */
  readonly unlink: (entry: Entry) => void
  /** Ends a runtime from within: a defect with `onDefect: "terminate"`, or too many restarts. */
  readonly terminate: (entry: Entry) => void
  /** The runtime that took the place of one that was left to the store. */
  readonly reopen: (
    entry: Entry
  ) => Effect.Effect<Entry, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable>
}

export const makeKernel = (context: Context.Context<never>, nonce: string, manager: Manager): Kernel => {
  const clock = Context.get(context, Clock.Clock)
  const config = Context.get(context, RuntimeConfig)
  const scheduled = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  const startedAt = clock.currentTimeMillisUnsafe()
  const now = () => clock.currentTimeMillisUnsafe() - startedAt
  const fork: Kernel["fork"] = (effect, context) => Effect.runForkWith(context)(effect)
  return {
    config,
    millis: {
      activityTimeout: Duration.toMillis(config.activityTimeout),
      grace: Duration.toMillis(config.grace),
      receiptTimeToLive: Duration.toMillis(config.receiptTimeToLive),
      maxIdleTime: Duration.toMillis(config.maxIdleTime)
    },
    clock,
    startedAt,
    now,
    context,
    dispatcher: new Dispatcher((task) => scheduled.scheduleTask(task, 0), now),
    timers: new Timers(now, (effect) => fork(effect, context)),
    tracing: Context.getOrUndefined(context, Tracer.Tracer) !== undefined,
    injectFault: Context.get(context, Faults),
    fork,
    ids: new Ids(nonce),
    historyRetention: Math.max(config.logRetention, config.receiptRetention),
    // Last, so that V8 keeps what each activity needs in the object itself.
    ...manager
  }
}
