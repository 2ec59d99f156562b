import {
  type Agent,
  AgentError,
  type AgentEvent,
  type AgentRuntimeId,
  type AgentRuntimeState,
  type Receipt
} from "@agent-runtime/schema"
import { Effect, Exit, type Scope, Stream, type Tracer } from "effect"
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
import { Activity, noChain } from "./activity.ts"
import { discard, replay } from "./deadLetters.ts"
import type { Entry } from "./entry.ts"
import { CurrentEntry } from "./host.ts"
import { step } from "./journal.ts"
import { interrupt, settleWaiting } from "./processing.ts"
import { subscribe } from "./subscribe.ts"
import type { Subscriber } from "./subscriber.ts"
import { terminate } from "./terminate.ts"
import type { Timer } from "./timers.ts"
import { changes } from "./watcher.ts"

/** The handle to a runtime of this process. */
export class LocalAgentRuntime implements AgentRuntime {
  private entry: Entry

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

  /** Goes on with the runtime, opened again where it was left to the store. */
  private use<A, E>(
    next: (entry: Entry) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> {
    return Effect.suspend(() => {
      if (this.entry.phase !== "passivated") return next(this.entry)
      return Effect.flatMap(this.entry.kernel.reopen(this.entry), (entry) => {
        this.entry = entry
        return this.use(next)
      })
    })
  }

  /** As `use`, for what a runtime that is gone still answers from memory. */
  private look<A, E>(next: (entry: Entry) => Effect.Effect<A, E>): Effect.Effect<A, E | AgentError.StoreUnavailable> {
    return Effect.catchTag(this.use(next), "AgentRuntimeTerminated", () => next(this.entry)) as Effect.Effect<
      A,
      E | AgentError.StoreUnavailable
    >
  }

  sendUnsafe(request: WireRequest, options?: SendOptions): AgentError.SendError | undefined {
    const accepted = accept(this.entry, request, options, noChain, undefined)
    return accepted instanceof Activity ? undefined : accepted
  }

  /**
   * `outbox` is its place in the store's outbox, which it leaves in the step that accepts it; `patience` how many milliseconds it
   * waits for a place, whatever the mailbox is told to.
   */
  send(
    request: WireRequest,
    options?: SendOptions,
    outbox = 0,
    patience = 0
  ): Effect.Effect<Receipt.Receipt, AgentError.SendError> {
    return Effect.withFiber((fiber) =>
      this.accepted(
        request,
        options,
        noChain,
        fiber.cache.span,
        toReceipt,
        outbox === 0
          ? undefined
          : (_, activity) => {
              activity.rare.outbox = outbox
            },
        patience
      )
    )
  }

  /**
   * Accepts an activity and goes on with it, waiting for a place where the mailbox is told to. `began` is called in the step
   * that takes it in, before a store has been asked.
   */
  private accepted<A, E>(
    request: WireRequest,
    options: SendOptions | undefined,
    chain: ReadonlyArray<string>,
    parent: Tracer.AnySpan | undefined,
    next: (entry: Entry, activity: Activity) => Effect.Effect<A, E>,
    began?: (entry: Entry, activity: Activity) => void,
    patience = 0
  ): Effect.Effect<A, E | AgentError.SendError> {
    const { entry } = this
    const again = () => this.accepted(request, options, chain, parent, next, began, patience)
    if (entry.phase === "passivated") return this.use(again)
    if (entry.recall !== undefined && options?.id !== undefined && entry.find(options.id) === undefined) {
      return Effect.flatMap(entry.recall, again)
    }
    const accepted = accept(entry, request, options, chain, parent)
    if (accepted instanceof Activity) {
      if (began !== undefined) began(entry, accepted)
      return onceAccepted(entry, accepted, next)
    }
    const millis = entry.kernel.config.mailboxStrategy === "suspend" ? Number.POSITIVE_INFINITY : patience
    if (accepted._tag !== "MailboxFull" || millis === 0) return Exit.fail(accepted)
    return Effect.flatMap(
      awaitPlace(entry, accepted, millis, () => {
        const placed = accept(entry, request, options, chain, parent, true)
        if (placed instanceof Activity) began?.(entry, placed)
        return placed
      }),
      (activity) => onceAccepted(entry, activity, next)
    )
  }

  ask(request: WireRequest, options?: AskOptions): Effect.Effect<never, AgentError.AskError> {
    return Effect.withFiber((fiber) => {
      const { span } = fiber.cache
      const attempt = fiber.getRef(CurrentEntry)?.attempt
      if (attempt === undefined) return this.asked(request, options, noChain, span)
      const { activity, entry } = attempt
      const chain = [...activity.chain, entry.id]
      if (chain.includes(this.id) || this.entry.kernel.waitsFor(this.id, entry.id)) {
        return Exit.fail(AgentError.AskCycle.of([...chain, this.id]))
      }
      return Effect.uninterruptibleMask((restore) => {
        // From here on others can see that it waits.
        const asking = (attempt.asking ??= [])
        asking.push(this.id)
        return Effect.ensuring(
          restore(this.asked(request, options, chain, span)),
          Effect.sync(() => asking.splice(asking.indexOf(this.id), 1))
        )
      })
    })
  }

  private asked(
    request: WireRequest,
    options: AskOptions | undefined,
    chain: ReadonlyArray<string>,
    parent: Tracer.AnySpan | undefined
  ): Effect.Effect<never, AgentError.AskError> {
    if (options?.cancelOnInterrupt !== true) return this.accepted(request, options, chain, parent, awaitExit)
    return Effect.uninterruptibleMask((restore) => {
      let giveUp = (): void => undefined
      const asking = this.accepted(request, options, chain, parent, awaitExit, (entry, activity) => {
        giveUp = () => cancelOnceAccepted(entry, activity)
      })
      return Effect.onInterrupt(restore(asking), () => Effect.sync(() => giveUp()))
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
      Effect.acquireRelease(this.subscriber(options ?? {}), (subscriber) => Effect.sync(() => subscriber.release())),
      (subscriber) => Stream.fromPull(Effect.succeed(subscriber.pull))
    )
  }

  private subscriber(
    options: SubscriptionOptions
  ): Effect.Effect<Subscriber, AgentError.SubscribeError | AgentError.StoreUnavailable> {
    return this.use((entry) =>
      entry.recall !== undefined && readsBefore(options, entry.history.oldest)
        ? Effect.flatMap(entry.recall, () => this.subscriber(options))
        : subscribe(entry, options)
    )
  }

  subscribe(
    options?: SubscriptionOptions
  ): Stream.Stream<AgentEvent.AgentEvent, AgentError.SubscribeError | AgentError.SubscriberLagged> {
    return Stream.unwrap(this.subscription(options))
  }

  get info(): Effect.Effect<AgentRuntimeState.RuntimeInfo, AgentError.StoreUnavailable> {
    return this.look((entry) => Exit.succeed(entry.info))
  }

  get changes(): Stream.Stream<AgentRuntimeState.RuntimeInfo, AgentError.StoreUnavailable> {
    return Stream.unwrap(this.look((entry) => Exit.succeed(changes(entry))))
  }

  /** Goes on with an activity, with a store once its acceptance is written. */
  private found<A>(
    activityId: string,
    next: (entry: Entry, activity: Activity) => Effect.Effect<A, AgentError.StoreUnavailable>
  ): Effect.Effect<A, AgentError.ActivityNotFound | AgentError.StoreUnavailable> {
    return this.look((entry): Effect.Effect<A, AgentError.ActivityNotFound | AgentError.StoreUnavailable> => {
      const activity = entry.find(activityId)
      if (activity === undefined && entry.recall !== undefined) {
        return Effect.flatMap(entry.recall, () => this.found(activityId, next))
      }
      return activity === undefined
        ? Exit.fail(AgentError.ActivityNotFound.of(activityId))
        : onceAccepted(entry, activity, next)
    })
  }

  receipt(
    activityId: string
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable> {
    return this.found(activityId, toReceipt)
  }

  awaitReceipt(
    activityId: string
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable> {
    return this.found(activityId, (entry, activity) =>
      Effect.flatMap(awaitEnd(activity), (): Effect.Effect<Receipt.Receipt, AgentError.StoreUnavailable> =>
        activity.lost === undefined ? toReceipt(entry, activity) : Exit.fail(activity.lost)
      )
    )
  }

  cancel(
    activityId: string
  ): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.StoreUnavailable> {
    return this.found(activityId, (entry, activity) =>
      Effect.withFiber((fiber) => {
        cancel(entry, activity)
        // A workflow that cancels its own activity cannot wait for its own end.
        if (activity.exit !== undefined || fiber.getRef(CurrentEntry) === entry) return toReceipt(entry, activity)
        return Effect.flatMap(Effect.timeoutOption(awaitEnd(activity), entry.kernel.config.grace), () =>
          toReceipt(entry, activity)
        )
      })
    )
  }

  private setPaused(
    paused: boolean
  ): Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> {
    return this.use((entry): Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> => {
      if (entry.phase !== "active") return Exit.fail(entry.refusal)
      // What is being written may change it.
      if (entry.paused === paused && entry.journal?.isIdle !== false) return Exit.void
      return step(
        entry,
        () => ({ info: entry.journal!.nextInfo({ paused }) }),
        () => {
          entry.paused = paused
          entry.changed()
          entry.wake()
        }
      )
    })
  }

  get pause(): Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> {
    return this.setPaused(true)
  }
  get resume(): Effect.Effect<void, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> {
    return this.setPaused(false)
  }

  terminate(options?: TerminateOptions): Effect.Effect<void, AgentError.StoreUnavailable> {
    return Effect.catchTag(
      this.use((entry) => terminate(entry, options ?? {})),
      "AgentRuntimeTerminated",
      () => Effect.void
    )
  }

  get deadLetters(): Effect.Effect<ReadonlyArray<DeadLetter>, AgentError.StoreUnavailable> {
    return this.look((entry) => Exit.succeed(Array.from(entry.deadLetters?.values() ?? [], ({ letter }) => letter)))
  }

  replay(activityId: string): Effect.Effect<Receipt.Receipt, AgentError.ActivityNotFound | AgentError.SendError> {
    return this.use((entry) => replay(entry, activityId))
  }

  discard(
    activityId: string
  ): Effect.Effect<
    void,
    AgentError.ActivityNotFound | AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable
  > {
    return this.use((entry) => discard(entry, activityId))
  }
}

const toReceipt = (entry: Entry, activity: Activity): Effect.Effect<Receipt.Receipt> =>
  Exit.succeed(entry.receiptOf(activity))

const readsBefore = ({ from }: SubscriptionOptions, oldest: number): boolean =>
  from !== undefined && from !== "latest" && (from === "earliest" || from.after + 1 < oldest)

const cancel = (entry: Entry, activity: Activity): void => {
  if (activity.exit !== undefined) return
  if (entry.current === activity) return interrupt(entry, "cancel")
  if (entry.waiting.withdraw(activity)) {
    settleWaiting(entry, activity, "cancelled", AgentError.ActivityCancelled.of(activity.id))
    entry.wake()
  } else if (entry.history.unsettled.has(activity)) {
    // It may be about to wait again, or to end.
    entry.journal?.afterwards(() => cancel(entry, activity))
  }
}

/** What is being accepted can only be cancelled afterwards. */
const cancelOnceAccepted = (entry: Entry, activity: Activity): void =>
  activity.onAccepted((refused) => {
    if (refused === undefined) cancel(entry, activity)
  })

/**
 * Accepts when it is the sender's turn: in that step the activity is in, whatever becomes of who waits. Where nobody has had a turn
 * for `millis` the mailbox is full.
 */
const awaitPlace = (
  entry: Entry,
  full: AgentError.MailboxFull,
  millis: number,
  attempt: () => Activity | AgentError.SendError
): Effect.Effect<Activity, AgentError.SendError> =>
  Effect.callback((resume) => {
    const { now, timers } = entry.kernel
    const { lane } = full
    let alarm: Timer | undefined
    const look = (): void => {
      // Its turn comes as long as others have theirs.
      const left = entry.waiting.servedAt(lane) + millis - now()
      if (left > 0) return void (alarm = timers.set(now() + left, look))
      stop()
      resume(Exit.fail(full))
    }
    if (millis !== Number.POSITIVE_INFINITY) alarm = timers.set(now() + millis, look)
    const calm = (): void => {
      if (alarm !== undefined) timers.cancel(alarm)
    }
    const stop = entry.waiting.queueSender(lane, () => {
      calm()
      const accepted = attempt()
      if (!(accepted instanceof Activity)) entry.waiting.leave(lane)
      else if (!accepted.isAccepted) {
        // To be told now: a store may have refused it by the time the sender goes on.
        return accepted.onAccepted((refused) =>
          resume(refused === undefined ? Exit.succeed(accepted) : Exit.fail(refused))
        )
      }
      entry.kernel.dispatcher.defer(() =>
        resume(accepted instanceof Activity ? Exit.succeed(accepted) : Exit.fail(accepted))
      )
    })
    return Effect.sync(() => {
      calm()
      stop()
    })
  })

/** Goes on with an activity, with a store once its acceptance is written. */
const onceAccepted = <A, E>(
  entry: Entry,
  activity: Activity,
  next: (entry: Entry, activity: Activity) => Effect.Effect<A, E>
): Effect.Effect<A, E | AgentError.StoreUnavailable> =>
  activity.isAccepted ? next(entry, activity) : Effect.andThen(awaitAccepted(activity), () => next(entry, activity))

const awaitAccepted = (activity: Activity): Effect.Effect<void, AgentError.StoreUnavailable> =>
  Effect.callback((resume) =>
    activity.onAccepted((refused) => resume(refused === undefined ? Exit.void : Exit.fail(refused)))
  )

/** How an activity ended, for who asked: with what its type declares, as `AgentRuntime` says in its types. */
const exitOf = ({ exit, lost }: Activity) => (exit ?? Exit.fail(lost)) as Exit.Exit<never, AgentError.AskError>

const awaitExit = (_: Entry, activity: Activity): Effect.Effect<never, AgentError.AskError> =>
  Effect.callback((resume) => Effect.sync(activity.onEnd(() => resume(exitOf(activity)))))

const awaitEnd = (activity: Activity): Effect.Effect<void> =>
  Effect.callback((resume) => Effect.sync(activity.onEnd(() => resume(Effect.void))))
