import type { Agent, AgentError, AgentEvent, AgentRuntimeState } from "@agent-runtime/schema"
import { Context, type Duration, Effect, Fiber, Option, type Scope, Stream } from "effect"
import type { AgentRuntime } from "../../AgentRuntime.ts"
import { RuntimeManager } from "../../RuntimeManager.ts"
import type { SubscriptionOptions } from "../../Subscription.ts"
import { ConformanceFailure } from "./expect.ts"
import { Probe } from "./probe.ts"

/**
 * One thing that every placement must do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  /** The rule of the contract that it holds, such as `R2`. */
  readonly rule: string
  readonly title: string
  /**
   * `"process"`: the case must run in the process that runs the workflows, for it holds them up at gates, or counts on
   * what only a runtime in reach can show. `"anywhere"`: it sees nothing but the manager.
   */
  readonly reach: "anywhere" | "process"
  /** Fails with a `ConformanceFailure`, or with what the placement unexpectedly failed with. */
  readonly run: Effect.Effect<void, unknown, RuntimeManager>
}

const make =
  (reach: Case["reach"]) =>
  (
    rule: string,
    title: string,
    body: () => Generator<Effect.Effect<unknown, unknown, RuntimeManager | Scope.Scope>, void, never>
  ): Case => ({
    rule,
    title,
    reach,
    run: Effect.scoped(Effect.gen(body))
  })

/** A case that sees nothing but the manager. */
export const anywhere = make("anywhere")
/** A case that must run in the process that runs the workflows. */
export const inProcess = make("process")

/**
 * How a case lets time pass: by waiting (default), or on a `TestClock`.
 *
 * @category references
 * @since 0.1.0
 */
export const PassTime: Context.Reference<(duration: Duration.Input) => Effect.Effect<void>> = Context.Reference(
  "@agent-runtime/core/RuntimeTest/PassTime",
  { defaultValue: () => (duration: Duration.Input) => Effect.sleep(duration) }
)

export const pass = (duration: Duration.Input): Effect.Effect<void> =>
  Effect.flatMap(PassTime, (passTime) => passTime(duration))

export type ProbeRuntime = AgentRuntime<typeof Probe>
export type ProbeEvent = AgentEvent.AgentEvent<typeof Probe>
export type ProbeInfo = AgentRuntimeState.RuntimeInfo<Agent.State<typeof Probe>>

/** A runtime of its own for the case. */
export const probe = Effect.gen(function* () {
  const manager = yield* RuntimeManager
  return yield* manager.create(Probe)
})

/** A name that no other case uses, also across processes on one store. */
export const unique = (name: string): Effect.Effect<string> =>
  Effect.sync(() => `${name}-${(++last).toString(36)}-${nonce}`)
const nonce = Math.floor(Math.random() * 36 ** 8).toString(36)
let last = 0

/** Sends and answers the activity's id. */
export const sent = (
  runtime: ProbeRuntime,
  request: Parameters<ProbeRuntime["send"]>[0],
  options?: Parameters<ProbeRuntime["send"]>[1]
): Effect.Effect<string, AgentError.SendError> =>
  Effect.map(runtime.send(request, options), (receipt) => receipt.activityId)

/** Begins at once, in the background. */
export const begin = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<A, E>, never, R> =>
  Effect.forkChild(effect, { startImmediately: true })

/** How an activity ended: its status, and the tag of its error. */
export const fate = (runtime: ProbeRuntime, activityId: string) =>
  Effect.map(runtime.awaitReceipt(activityId), (receipt) =>
    receipt.error === undefined ? receipt.status : `${receipt.status} ${receipt.error._tag}`
  )

/** Reads along in the background; `finish` answers what was read. */
export const watch = (runtime: ProbeRuntime, options?: SubscriptionOptions<typeof Probe>) =>
  Effect.flatMap(runtime.subscription(options), (events) => Effect.forkScoped(Stream.runCollect(events)))

/** Ends the runtime and answers what a reader has read of it. */
export const finish = <E>(runtime: ProbeRuntime, reader: Fiber.Fiber<ReadonlyArray<ProbeEvent>, E>) =>
  Effect.andThen(runtime.terminate(), Fiber.join(reader))

/** An event in few words. */
export const brief = (event: ProbeEvent): string => {
  switch (event._tag) {
    case "Processed":
      return `${event.sequence} ${event.type}${event.reply === undefined ? "" : ` ${String(event.reply)}`}`
    case "Failed":
      return `${event.sequence} ${event.type} ${event.error._tag}`
    case "Emitted":
      return `${event.type} ${event.attempt}.${event.index} ${event.value}`
    case "Gap":
      return `gap ${event.missed}: ${event.from}-${event.to}`
    case "End":
      return `end ${event.reason}`
  }
}

/** Waits until `Hang` has begun; where time is real it may be over by then. */
export const hangs = (runtime: ProbeRuntime) =>
  Stream.runHead(
    Stream.filter(
      runtime.subscribe({ from: "earliest", outcomes: ["processed", "failed"] }),
      (event) => "type" in event && event.type === "Hang"
    )
  )

/** Waits until the info of the runtime fits. */
export const infoWhere = (
  runtime: ProbeRuntime,
  fits: (info: ProbeInfo) => boolean
): Effect.Effect<ProbeInfo, ConformanceFailure | AgentError.AgentRuntimeNotFound | AgentError.StoreUnavailable> =>
  Effect.flatMap(Stream.runHead(Stream.filter(runtime.changes, fits)), (found) =>
    Option.isSome(found)
      ? Effect.succeed(found.value)
      : Effect.fail(new ConformanceFailure({ message: "changes ended early", actual: "end", expected: String(fits) }))
  )
