import {
  type ActivityId,
  type Agent,
  AgentError,
  AgentRuntimeId,
  type AgentRuntimeState,
  type ActivityType
} from "@agent-runtime/schema"
import {
  Cause,
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Random,
  Result,
  Schema,
  Scheduler,
  type Scope,
  SchemaParser,
  Tracer
} from "effect"
import type { AgentRuntime } from "../AgentRuntime.ts"
import type { LocalRuntime, Options as LocalOptions } from "../LocalRuntimes.ts"
import { RuntimeConfig } from "../RuntimeConfig.ts"
import type { CreateError, CreateOptions, FindError, ListOptions, Page, Placement } from "../RuntimeManager.ts"
import type { TerminateOptions } from "../AgentRuntime.ts"
import type { AnyHandler, Options } from "../Workflow.ts"
import { accept } from "./accept.ts"
import type { Outgoing } from "./activity.ts"
import { Dispatcher } from "./dispatcher.ts"
import { Entry } from "./entry.ts"
import { faultOf, type Host, LocalHost, makeHost } from "./host.ts"
import type { Kernel } from "./kernel.ts"
import { LocalAgentRuntime } from "./localAgentRuntime.ts"
import { awaitClosed, beginTermination, terminate } from "./terminate.ts"
import { Timers } from "./timers.ts"

/** The agent of runtimes made from closures. */
const localAgent: Agent.Any = {
  "~@agent-runtime/schema/Agent": "~@agent-runtime/schema/Agent",
  name: "local",
  state: Schema.Json as unknown as ActivityType.PureCodec,
  initialState: null,
  activities: [],
  emits: Schema.Json as unknown as ActivityType.PureCodec,
  version: 1,
  migrations: {}
}

/** How often a delivery to a full mailbox is tried again: 50 ms, doubling, about 6 seconds in all. */
const deliveryRetries = 7

/** The runtimes of this process. */
export class LocalManager implements Placement {
  private readonly kernel: Kernel
  private readonly entries = new Map<string, Entry>()
  private readonly hosts = new Map<string, Host>()
  private lastEpoch: number
  private lastId = 0

  /** A manager that drains when its scope closes. */
  static readonly make: Effect.Effect<LocalManager, never, Scope.Scope> = Effect.acquireRelease(
    Effect.flatMap(Effect.context<never>(), (context) =>
      Effect.map(Random.nextIntBetween(0, 36 ** 8), (nonce) => new LocalManager(context, nonce.toString(36)))
    ),
    (manager) => manager.shutdown
  )

  private constructor(context: Context.Context<never>, nonce: string) {
    const clock = Context.get(context, Clock.Clock)
    const scheduled = Context.get(context, Scheduler.Scheduler).makeDispatcher()
    const fork: Kernel["fork"] = (effect, context) => Effect.runForkWith(context)(effect)
    const config = Context.get(context, RuntimeConfig)
    this.kernel = {
      config,
      millis: {
        activityTimeout: Duration.toMillis(config.activityTimeout),
        grace: Duration.toMillis(config.grace),
        receiptTimeToLive: Duration.toMillis(config.receiptTimeToLive)
      },
      clock,
      context,
      dispatcher: new Dispatcher((task) => scheduled.scheduleTask(task, 0)),
      timers: new Timers(clock, (effect) => fork(effect, context)),
      tracing: Context.getOrUndefined(context, Tracer.Tracer) !== undefined,
      fork,
      generateId: () => `${nonce}-${(++this.lastId).toString(36)}` as ActivityId.ActivityId,
      find: (id) => this.entries.get(id),
      unlink: (entry) => {
        if (this.entries.get(entry.id) === entry) this.entries.delete(entry.id)
      },
      deliver: (from, outgoing) => this.deliver(from, outgoing)
    }
    // Later lives get higher epochs, also after a restart of the process.
    this.lastEpoch = clock.currentTimeMillisUnsafe() * 1000
  }

  // -- workflows -------------------------------------------------------------------------------------------------------

  readonly register = (
    agent: Agent.Any,
    handlers: Readonly<Record<string, AnyHandler>>,
    context: Context.Context<never>,
    options: Options
  ): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        if (this.hosts.has(agent.name)) throw new Error(`Agent "${agent.name}" has a workflow already`)
        const host = makeHost(agent, handlers, context, options)
        this.hosts.set(agent.name, host)
        return host
      }),
      // The services that the workflow uses close after this: its runtimes drain while they are open.
      (host) =>
        Effect.suspend(() => {
          this.hosts.delete(agent.name)
          return this.drain((entry) => entry.host === host)
        })
    )

  readonly agents = Effect.sync(() => Array.from(this.hosts.values(), (host) => host.agent))

  // -- creation --------------------------------------------------------------------------------------------------------

  private make(id: string | undefined, host: Host, state: unknown): Exit.Exit<Entry, CreateError> {
    const name = id ?? this.generateRuntimeId()
    if (!AgentRuntimeId.isAgentRuntimeId(name)) return Exit.fail(AgentError.RuntimeIdInvalid.of(name))
    if (this.entries.has(name)) return Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(name))
    const { maxRuntimes } = this.kernel.config
    if (this.entries.size >= maxRuntimes) return Exit.fail(AgentError.TooManyRuntimes.of(maxRuntimes))
    this.lastEpoch = Math.max(this.lastEpoch + 1, this.kernel.clock.currentTimeMillisUnsafe() * 1000)
    const entry = new Entry(this.kernel, name, this.lastEpoch, host, state)
    this.entries.set(name, entry)
    return Exit.succeed(entry)
  }

  private generateRuntimeId(): string {
    let id: string
    do id = `r-${this.kernel.generateId()}`
    while (this.entries.has(id))
    return id
  }

  private createEntry(agent: Agent.Any, options: CreateOptions): Exit.Exit<Entry, CreateError> {
    const host = this.hosts.get(agent.name)
    if (host === undefined) return Exit.fail(AgentError.AgentNotFound.of(agent.name))
    let state = agent.initialState
    if (options.state !== undefined) {
      const checked = SchemaParser.decodeUnknownExit(Schema.toType(host.agent.state))(options.state)
      if (Exit.isFailure(checked)) {
        const { message, path } = faultOf(checked.cause)
        return Exit.fail(
          new AgentError.RequestInvalid({
            path: ["state", ...path],
            message: `The first state of "${agent.name}" does not fit its schema: ${message}`
          })
        )
      }
      state = checked.value
    }
    return this.make(options.id, host, state)
  }

  /** The handle of a runtime; that it is of the agent `A` has been checked. */
  private handle<A extends Agent.Any>(entry: Entry): AgentRuntime<A> {
    return new LocalAgentRuntime(entry) as unknown as AgentRuntime<A>
  }

  readonly create = <A extends Agent.Any>(
    agent: A,
    options?: CreateOptions<Agent.State<A>>
  ): Effect.Effect<AgentRuntime<A>, CreateError> =>
    Effect.suspend(() => Exit.map(this.createEntry(agent, options ?? {}), (entry) => this.handle<A>(entry)))

  readonly getOrCreate = <A extends Agent.Any>(
    agent: A,
    options: CreateOptions<Agent.State<A>> & { readonly id: string }
  ): Effect.Effect<AgentRuntime<A>, CreateError> =>
    Effect.suspend((): Effect.Effect<AgentRuntime<A>, CreateError> => {
      const entry = this.entries.get(options.id)
      if (entry === undefined) return this.create(agent, options)
      // One that ends makes way: wait for its end, then create.
      if (entry.phase !== "active") return Effect.flatMap(awaitClosed(entry), () => this.getOrCreate(agent, options))
      return entry.agent.name === agent.name
        ? Exit.succeed(this.handle<A>(entry))
        : Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(options.id))
    })

  readonly createLocal = <S, E>(
    options: LocalOptions<S, E>
  ): Effect.Effect<
    LocalRuntime<S>,
    AgentError.AgentRuntimeAlreadyExists | AgentError.RuntimeIdInvalid | AgentError.TooManyRuntimes
  > =>
    Effect.suspend(() => {
      // A closure knows its own types; here they are found by what is sent.
      const workflow = options.workflow as unknown as AnyHandler
      const host = new LocalHost(localAgent, workflow, this.kernel.context, options)
      const made = this.make(options.id, host, options.state)
      return Exit.map(made, (entry) => new LocalAgentRuntime(entry) as unknown as LocalRuntime<S>) as Exit.Exit<
        LocalRuntime<S>,
        AgentError.AgentRuntimeAlreadyExists | AgentError.RuntimeIdInvalid | AgentError.TooManyRuntimes
      >
    })

  // -- lookup ----------------------------------------------------------------------------------------------------------

  private find(id: string, agent?: string): Exit.Exit<Entry, FindError> {
    const entry = this.entries.get(id)
    return entry === undefined || (agent !== undefined && entry.agent.name !== agent)
      ? Exit.fail(AgentError.AgentRuntimeNotFound.of(id))
      : Exit.succeed(entry)
  }

  readonly get: Placement["get"] = <A extends Agent.Any>(...args: [string] | [A, string]) =>
    Effect.suspend(() => {
      const found = args.length === 1 ? this.find(args[0]) : this.find(args[1], args[0].name)
      return Exit.map(found, (entry) => this.handle<A>(entry))
    })

  readonly list = (options: ListOptions = {}): Effect.Effect<Page, AgentError.RequestInvalid> =>
    Effect.suspend(() => {
      const limit = options.limit ?? 100
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
        return Exit.fail(
          new AgentError.RequestInvalid({ path: ["limit"], message: `limit is 1 to 1000, got ${limit}` })
        )
      }
      const { agent, cursor, prefix, status } = options
      const ids: Array<string> = []
      for (const [id, entry] of this.entries) {
        if (cursor !== undefined && id <= cursor) continue
        if (prefix !== undefined && !id.startsWith(prefix)) continue
        if (agent !== undefined && entry.agent.name !== agent) continue
        if (status !== undefined && entry.status !== status) continue
        ids.push(id)
      }
      ids.sort()
      const page = ids.slice(0, limit)
      const items: Array<AgentRuntimeState.RuntimeInfo> = page.map((id) => this.entries.get(id)!.info)
      return Exit.succeed(ids.length > limit ? { items, nextCursor: page[page.length - 1]! } : { items })
    })

  // -- ends ------------------------------------------------------------------------------------------------------------

  readonly terminate = (id: string, options?: TerminateOptions): Effect.Effect<void, FindError> =>
    Effect.suspend(() => Effect.flatMap(this.find(id), (entry) => terminate(entry, options ?? {})))

  private drain(which: (entry: Entry) => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entries = Array.from(this.entries.values()).filter(which)
      for (const entry of entries) {
        entry.reason = "shutdown"
        beginTermination(entry, "drain", this.kernel.millis.grace)
      }
      return Effect.forEach(entries, awaitClosed, { discard: true })
    })
  }

  private get shutdown(): Effect.Effect<void> {
    return Effect.andThen(
      this.drain(() => true),
      Effect.sync(() => this.kernel.timers.close())
    )
  }

  // -- outbox ----------------------------------------------------------------------------------------------------------

  /** Delivers what a workflow sent. A full mailbox is tried again for a while; what cannot be delivered is kept. */
  private deliver(from: Entry, outgoing: Outgoing, tried = 0): void {
    const target = this.entries.get(outgoing.runtimeId)
    const exit: Exit.Exit<unknown, AgentError.SendError | AgentError.AgentRuntimeNotFound> =
      target === undefined
        ? Exit.fail(AgentError.AgentRuntimeNotFound.of(outgoing.runtimeId))
        : accept(target, outgoing.request, outgoing.options, [], undefined)
    if (Exit.isSuccess(exit)) return
    const found = Cause.findError(exit.cause)
    if (Result.isFailure(found)) throw Cause.squash(exit.cause)
    const error = found.success
    const now = this.kernel.clock.currentTimeMillisUnsafe()
    if (error._tag === "MailboxFull" && tried < deliveryRetries && from.phase !== "closed") {
      this.kernel.timers.set(now + 50 * 2 ** tried, () => this.deliver(from, outgoing, tried + 1))
      return
    }
    from.bury({
      of: outgoing,
      letter: {
        activityId: outgoing.options.id,
        type: outgoing.request.type,
        payload: outgoing.request.payload,
        priority: outgoing.options.priority ?? "standard",
        attempts: 0,
        error: AgentError.toJson(error),
        at: now
      }
    })
  }
}
