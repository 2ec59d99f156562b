import {
  type Agent,
  AgentError,
  type AgentEvent,
  type AgentRuntimeId,
  type AgentRuntimeState,
  type Receipt
} from "@agent-runtime/schema"
import { Effect, Exit, type Fiber, type Scope, Stream, type Tracer } from "effect"
import type {
  AgentRuntime,
  AskOptions,
  DeadLetter,
  SendOptions,
  TerminateOptions,
  WireRequest
} from "../AgentRuntime.ts"
import type { SubscriptionOptions } from "../Subscription.ts"
import { accept } from "./accept.ts"
import { Activity, type Outgoing } from "./activity.ts"
import type { Entry } from "./entry.ts"
import { CurrentEntry } from "./host.ts"
import { interrupt, settleUnstarted } from "./processing.ts"
import { subscribe } from "./subscribe.ts"
import { terminate } from "./terminate.ts"
import { changes } from "./watcher.ts"

/** The handle to a runtime of this process. */
export class LocalAgentRuntime implements AgentRuntime {
  private readonly entry: Entry

  constructor(entry: Entry) {
    this.entry = entry
  }

  get id(): AgentRuntimeId.AgentRuntimeId {
    return this.entry.id
  }
  get epoch(): number {
    return this.entry.epoch
  }
  get agent(): Agent.Any {
    return this.entry.agent
  }

  sendUnsafe(request: WireRequest, options?: SendOptions): Exit.Exit<Receipt.Receipt, AgentError.SendError> {
    const exit = accept(this.entry, request, options, noChain, undefined)
    return Exit.isSuccess(exit) ? Exit.succeed(this.entry.receiptOf(exit.value)) : Exit.failCause(exit.cause)
  }

  send(request: WireRequest, options?: SendOptions): Effect.Effect<Receipt.Receipt, AgentError.SendError> {
    return Effect.withFiber((fiber) => this.accepted(request, options, noChain, fiber.cache.span, this.toReceipt))
  }

  private readonly toReceipt = (activity: Activity): Effect.Effect<Receipt.Receipt> =>
    Exit.succeed(this.entry.receiptOf(activity))

  /** Accepts an activity and goes on with it, waiting for room where the mailbox is told to. */
  private accepted<A, E>(
    request: WireRequest,
    options: SendOptions | undefined,
    chain: ReadonlyArray<string>,
    parent: Tracer.AnySpan | undefined,
    next: (activity: Activity) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | AgentError.SendError> {
    const exit = accept(this.entry, request, options, chain, parent)
    if (Exit.isSuccess(exit)) return next(exit.value)
    if (this.entry.kernel.config.mailboxStrategy !== "suspend" || !isMailboxFull(exit)) {
      return Exit.failCause(exit.cause)
    }
    return Effect.flatMap(waitForRoom(this.entry), () => this.accepted(request, options, chain, parent, next))
  }

  ask(request: WireRequest, options?: AskOptions): Effect.Effect<never, AgentError.AskError> {
    return Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
      const { entry } = this
      const from = fiber.getRef(CurrentEntry)
      let chain = noChain
      if (from?.current !== undefined) {
        chain = [...from.current.chain, from.id]
        if (chain.includes(entry.id)) return Exit.fail(AgentError.AskCycle.of([...chain, entry.id]))
      }
      return this.accepted(request, options, chain, fiber.cache.span, (activity) => {
        const outcome = awaitEnd(activity)
        // What the activity type declares; `AgentRuntime` says so in its types.
        const answer = Effect.flatMap(outcome, () => activity.exit as Exit.Exit<never, AgentError.AskError>)
        if (options?.cancelOnInterrupt !== true) return answer
        return Effect.onInterrupt(answer, () => Effect.sync(() => this.cancelUnsafe(activity)))
      })
    })
  }

  subscription(
    options?: SubscriptionOptions
  ): Effect.Effect<
    Stream.Stream<AgentEvent.AgentEvent, AgentError.SubscriberLagged>,
    AgentError.SubscribeError,
    Scope.Scope
  > {
    return Effect.map(
      Effect.acquireRelease(
        Effect.suspend(() => subscribe(this.entry, options ?? {})),
        (subscriber) => Effect.sync(() => this.entry.release(subscriber))
      ),
      (subscriber) => Stream.fromPull(Effect.succeed(subscriber.pull))
    )
  }

  subscribe(
    options?: SubscriptionOptions
  ): Stream.Stream<AgentEvent.AgentEvent, AgentError.SubscribeError | AgentError.SubscriberLagged> {
    return Stream.unwrap(this.subscription(options))
  }

  get info(): Effect.Effect<AgentRuntimeState.RuntimeInfo, AgentError.AgentRuntimeNotFound> {
    return Effect.sync(() => this.entry.info)
  }

  get changes(): Stream.Stream<AgentRuntimeState.RuntimeInfo, AgentError.AgentRuntimeNotFound> {
    return changes(this.entry)
  }

  private found<A>(
    activityId: string,
    next: (activity: Activity) => Effect.Effect<A>
  ): Effect.Effect<A, AgentError.ActivityNotFound> {
    return Effect.suspend((): Effect.Effect<A, AgentError.ActivityNotFound> => {
      const activity = this.entry.find(activityId)
      return activity === undefined ? Exit.fail(AgentError.ActivityNotFound.of(activityId)) : next(activity)
    })
  }

  receipt(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound> {
    return this.found(activityId, this.toReceipt)
  }

  awaitReceipt(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound> {
    return this.found(activityId, (activity) => Effect.flatMap(awaitEnd(activity), () => this.toReceipt(activity)))
  }

  cancel(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound> {
    return this.found(activityId, (activity) =>
      Effect.withFiber((fiber) => {
        this.cancelUnsafe(activity)
        // A workflow that cancels its own activity cannot wait for its own end.
        if (activity.exit !== undefined || fiber.getRef(CurrentEntry) === this.entry) return this.toReceipt(activity)
        return Effect.flatMap(Effect.timeoutOption(awaitEnd(activity), this.entry.kernel.config.grace), () =>
          this.toReceipt(activity)
        )
      })
    )
  }

  private cancelUnsafe(activity: Activity): void {
    const { entry } = this
    if (activity.exit !== undefined) return
    if (entry.current === activity) return interrupt(entry, { _tag: "cancel" })
    if (entry.withdraw(activity)) {
      settleUnstarted(entry, activity, "cancelled", AgentError.ActivityCancelled.of(activity.id))
      entry.madeRoom()
      entry.wake()
    }
  }

  private setPaused(paused: boolean): Effect.Effect<void, AgentError.AgentRuntimeTerminated> {
    return Effect.suspend(() => {
      const { entry } = this
      if (entry.phase !== "active") return Exit.fail(AgentError.AgentRuntimeTerminated.of(entry.id))
      if (entry.paused === paused) return Exit.void
      entry.paused = paused
      entry.changed()
      entry.wake()
      return Exit.void
    })
  }

  get pause(): Effect.Effect<void, AgentError.AgentRuntimeTerminated> {
    return this.setPaused(true)
  }
  get resume(): Effect.Effect<void, AgentError.AgentRuntimeTerminated> {
    return this.setPaused(false)
  }

  terminate(options?: TerminateOptions): Effect.Effect<void> {
    return terminate(this.entry, options ?? {})
  }

  get deadLetters(): Effect.Effect<ReadonlyArray<DeadLetter>> {
    return Effect.sync(() => Array.from(this.entry.deadLetters?.values() ?? [], ({ letter }) => letter))
  }

  replay(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError> {
    return Effect.suspend((): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError> => {
      const { entry } = this
      const dead = entry.deadLetters?.get(activityId)
      if (dead === undefined) return Exit.fail(AgentError.ActivityNotFound.of(activityId))
      if (!(dead.of instanceof Activity)) return this.redeliver(dead.of)
      const { acceptedAt, chain, id, kind, options, parent, payload, priority } = dead.of
      if (entry.phase !== "active") return Exit.fail(AgentError.AgentRuntimeTerminated.of(entry.id))
      if (entry.isFull(priority)) {
        return Exit.fail(AgentError.MailboxFull.of(entry.id, priority, entry.capacityOf(priority)))
      }
      entry.deadLetters!.delete(activityId)
      const { deliverAt: _, expiresAt: __, ...rest } = options ?? {}
      const again = new Activity(id, kind, payload, priority, acceptedAt, rest, chain, parent)
      entry.remember(again)
      entry.enqueue(again)
      entry.changed()
      return this.toReceipt(again)
    })
  }

  /** What could not be delivered goes to its runtime now; where that fails it stays a dead letter. */
  private redeliver(
    outgoing: Outgoing
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError> {
    const target = this.entry.kernel.find(outgoing.runtimeId)
    if (target === undefined) return Exit.fail(AgentError.AgentRuntimeTerminated.of(outgoing.runtimeId))
    const exit = accept(target, outgoing.request, outgoing.options, noChain, undefined)
    if (Exit.isFailure(exit)) return Exit.failCause(exit.cause)
    this.entry.deadLetters?.delete(outgoing.options.id)
    this.entry.changed()
    return Exit.succeed(target.receiptOf(exit.value))
  }

  discard(activityId: string): Effect.Effect<void, AgentError.ActivityNotFound> {
    return Effect.suspend(() => {
      if (this.entry.deadLetters?.delete(activityId) !== true) {
        return Exit.fail(AgentError.ActivityNotFound.of(activityId))
      }
      this.entry.changed()
      return Exit.void
    })
  }
}

const noChain: ReadonlyArray<string> = []

const isMailboxFull = (exit: Exit.Failure<unknown, AgentError.SendError>): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error._tag === "MailboxFull")

const waitForRoom = (entry: Entry): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const notify = () => resume(Effect.void)
    const waiting = entry.senders
    waiting.push(notify)
    return Effect.sync(() => {
      // One that was woken and then interrupted hands its turn on.
      if (!waiting.remove(notify)) entry.madeRoom()
    })
  })

const awaitEnd = (activity: Activity): Effect.Effect<void> =>
  Effect.suspend(() =>
    activity.exit === undefined
      ? Effect.callback<void>((resume) => Effect.sync(activity.onEnd(() => resume(Effect.void))))
      : Exit.void
  )
