import { Agent, AgentError, AgentRuntimeId } from "@agent-runtime/schema"
import { type Context, Effect, Exit, Random, Schema, type Scope } from "effect"
import type { AgentRuntime } from "../AgentRuntime.ts"
import type { LocalRuntime, Options as LocalOptions } from "../LocalRuntimes.ts"
import type {
  CreateError,
  CreateOptions,
  FindError,
  ForkOptions,
  ListOptions,
  Page,
  Placement
} from "../RuntimeManager.ts"
import type { TerminateOptions } from "../AgentRuntime.ts"
import type { AnyHandler, Options } from "../Workflow.ts"
import type { Durable } from "./durable.ts"
import { Entry } from "./entry.ts"
import { checkState, faultOf, type Host, LocalHost, makeHost } from "./host.ts"
import { type Kernel, makeKernel } from "./kernel.ts"
import { KeyedMutex } from "./keyedMutex.ts"
import { notHeld } from "./journal.ts"
import { list } from "./list.ts"
import { LocalAgentRuntime } from "./localAgentRuntime.ts"
import { awaitClosed, beginTermination, lastChance, park, terminate } from "./terminate.ts"

/** The agent of runtimes made from closures. */
const localAgent: Agent.Any = /* @__PURE__ */ Agent.make("local", {
  state: Schema.Json,
  initialState: null,
  activities: []
})

const closes = () => new AgentError.StoreUnavailable({ message: "The RuntimeManager closes" })

type AlreadyExists = AgentError.AgentRuntimeAlreadyExists
type CreateLocalError = Exclude<CreateError, AgentError.AgentNotFound | AgentError.RequestInvalid>

/** The runtimes of this process, in memory or on a store. */
export class LocalManager implements Placement {
  private readonly kernel: Kernel
  private readonly durable: Durable | undefined
  private readonly entries = new Map<string, Entry>()
  private readonly hosts = new Map<string, Host>()
  /** Those whose workflow is about to go: nothing comes in for them any more. */
  private readonly leaving = new Set<Host>()
  /** Holds the ids that are being created or opened: who else wants one waits. */
  private readonly opening = new KeyedMutex()
  private lastEpoch: number
  private closing = false

  /** A manager that lets go of its runtimes when its scope closes; `connect` is how it comes to a store. */
  static readonly make = (
    connect: ((kernel: Kernel) => Durable) | undefined
  ): Effect.Effect<LocalManager, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.flatMap(Effect.context<never>(), (context) =>
        Effect.map(Random.nextIntBetween(0, 36 ** 8), (nonce) => new LocalManager(context, nonce.toString(36), connect))
      ),
      (manager) => manager.shutdown
    )

  private constructor(
    context: Context.Context<never>,
    nonce: string,
    connect: ((kernel: Kernel) => Durable) | undefined
  ) {
    this.kernel = makeKernel(context, nonce, {
      send: (id, request, options, outbox, patience) =>
        Effect.flatMap(this.destination(id), (entry) =>
          new LocalAgentRuntime(entry).send(request, options, outbox, patience)
        ),
      waitsFor: (id, other) => this.waitsFor(id, other),
      unlink: (entry) => {
        if (this.entries.get(entry.id) === entry) this.entries.delete(entry.id)
      },
      terminate: (entry) => beginTermination(entry, "immediate", this.kernel.millis.grace),
      reopen: (entry) => this.reopen(entry)
    })
    this.durable = connect?.(this.kernel)
    // Later lives get higher epochs, also after a restart of the process.
    this.lastEpoch = this.kernel.startedAt * 1000
  }

  // -- workflows -------------------------------------------------------------------------------------------------------

  readonly register = (
    agent: Agent.Any,
    handlers: Readonly<Record<string, AnyHandler>>,
    context: Context.Context<never>,
    options: Options
  ): Effect.Effect<void, AgentError.StoreUnavailable, Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.sync(() => {
          if (this.hosts.has(agent.name)) throw new Error(`Agent "${agent.name}" has a workflow already`)
          const host = makeHost(this.kernel, agent, handlers, context, options)
          this.hosts.set(agent.name, host)
          return host
        }),
        // The services that the workflow uses close after this: its runtimes drain while they are open.
        (host) =>
          Effect.suspend(() => {
            this.leaving.add(host)
            return this.letGo(
              (entry) => entry.host === host,
              () => {
                this.hosts.delete(agent.name)
                this.leaving.delete(host)
              }
            )
          })
      ),
      (host) => this.recover(host)
    )

  /** Brings back the runtimes of an agent that have something to do. */
  private recover(host: Host): Effect.Effect<void, AgentError.StoreUnavailable> {
    if (this.durable === undefined) return Effect.void
    const open = (id: AgentRuntimeId.AgentRuntimeId) =>
      this.find(id).pipe(
        Effect.catchTags({
          AgentRuntimeNotFound: () => Effect.void,
          // One runtime that cannot be read must not keep the others from coming back.
          StateUnreadable: (error) => Effect.logError(error.message)
        })
      )
    return Effect.flatMap(this.durable.store.recoverable(host.agent.name), (ids) =>
      // Those that are asked for at a time are read at a time.
      Effect.forEach(ids, open, { concurrency: 1024, discard: true })
    )
  }

  /** Where runtimes of an agent are created and opened now. */
  private hostOf(agent: string): Host | undefined {
    const host = this.hosts.get(agent)
    return host !== undefined && this.leaving.has(host) ? undefined : host
  }

  readonly agents = Effect.sync(() => Array.from(this.hosts.values(), (host) => host.agent))

  // -- creation --------------------------------------------------------------------------------------------------------

  private checkId(
    id: string | undefined
  ): Exit.Exit<
    AgentRuntimeId.AgentRuntimeId,
    | AgentError.AgentRuntimeAlreadyExists
    | AgentError.RuntimeIdInvalid
    | AgentError.StoreUnavailable
    | AgentError.TooManyRuntimes
  > {
    if (this.closing) return Exit.fail(closes())
    const name = id ?? `r-${this.kernel.ids.format(this.kernel.ids.next())}`
    if (!AgentRuntimeId.isAgentRuntimeId(name)) return Exit.fail(AgentError.RuntimeIdInvalid.of(name))
    if (this.entries.has(name)) return Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(name))
    const { maxRuntimes } = this.kernel.config
    return this.entries.size >= maxRuntimes ? Exit.fail(AgentError.TooManyRuntimes.of(maxRuntimes)) : Exit.succeed(name)
  }

  private nextEpoch(): number {
    return (this.lastEpoch = Math.max(this.lastEpoch + 1, this.kernel.clock.currentTimeMillisUnsafe() * 1000))
  }

  private add(entry: Entry): Entry {
    this.entries.set(entry.id, entry)
    // It was on its way out of the store when the manager closed, or its workflow went.
    const isLate = entry.journal !== undefined && this.hostOf(entry.agent.name) !== entry.host
    if (this.closing || isLate) park(entry, this.kernel.millis.grace)
    return entry
  }

  private createEntry(agent: Agent.Any, options: CreateOptions): Effect.Effect<Entry, CreateError> {
    const host = this.hostOf(agent.name)
    if (host === undefined) return Exit.fail(AgentError.AgentNotFound.of(agent.name))
    const state = options.state === undefined ? Exit.succeed(agent.initialState) : firstState(host, options.state)
    if (Exit.isFailure(state)) return Exit.failCause(state.cause)
    const id = this.checkId(options.id)
    if (Exit.isFailure(id)) return Exit.failCause(id.cause)
    const { durable } = this
    if (durable === undefined) {
      return Exit.succeed(this.add(new Entry(this.kernel, id.value, this.nextEpoch(), host, state.value, 0, undefined)))
    }
    return this.createAlone(id.value, () =>
      Effect.map(durable.create(id.value, this.nextEpoch(), host, state.value), (entry) => this.add(entry))
    )
  }

  private createAlone<A, E>(id: string, next: () => Effect.Effect<A, E>) {
    return this.opening.run(id, (): Effect.Effect<A, E | AlreadyExists | AgentError.TooManyRuntimes> => {
      if (this.entries.has(id)) return Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(id))
      const { maxRuntimes } = this.kernel.config
      // What is about to come into memory counts, this one too.
      return this.entries.size + this.opening.size > maxRuntimes
        ? Exit.fail(AgentError.TooManyRuntimes.of(maxRuntimes))
        : next()
    })
  }

  /** The handle of a runtime; that it is of the agent `A` has been checked. */
  private handle<A extends Agent.Any>(entry: Entry): AgentRuntime<A> {
    return new LocalAgentRuntime(entry) as unknown as AgentRuntime<A>
  }

  readonly create = <A extends Agent.Any>(
    agent: A,
    options?: CreateOptions<Agent.State<A>>
  ): Effect.Effect<AgentRuntime<A>, CreateError> =>
    Effect.suspend(() => Effect.map(this.createEntry(agent, options ?? {}), (entry) => this.handle<A>(entry)))

  readonly getOrCreate = <A extends Agent.Any>(
    agent: A,
    options: CreateOptions<Agent.State<A>> & { readonly id: string }
  ): Effect.Effect<AgentRuntime<A>, CreateError | AgentError.StateUnreadable> => {
    type Got = Effect.Effect<AgentRuntime<A>, CreateError | AgentError.StateUnreadable>
    // Where another was faster it is that one, unless the id is taken by what cannot be opened here.
    const createOr = (taken: (exists: AlreadyExists) => Got): Got =>
      Effect.catchTag(this.create(agent, options), "AgentRuntimeAlreadyExists", taken)
    const again = (): Got => this.getOrCreate(agent, options)
    return Effect.matchEffect(this.find(options.id), {
      onFailure: (error): Got => {
        // One that cannot be read may have ended: then its id is free.
        if (error._tag === "StateUnreadable") return createOr(() => Exit.fail(error))
        if (error._tag !== "AgentRuntimeNotFound") return Exit.fail(error)
        return createOr((exists) =>
          Effect.matchEffect(this.find(options.id), {
            onFailure: (error): Got => Exit.fail(error._tag === "AgentRuntimeNotFound" ? exists : error),
            onSuccess: again
          })
        )
      },
      onSuccess: (entry): Got => {
        // One that ends makes way: wait for its end, then create.
        if (entry.phase === "draining") return Effect.flatMap(awaitClosed(entry), again)
        if (entry.phase === "closed") return createOr(again)
        return entry.agent.name === agent.name
          ? Exit.succeed(this.handle<A>(entry))
          : Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(options.id))
      }
    })
  }

  readonly createLocal = <S, E>(options: LocalOptions<S, E>): Effect.Effect<LocalRuntime<S>, CreateLocalError> =>
    Effect.suspend((): Effect.Effect<LocalRuntime<S>, CreateLocalError> => {
      const checked = this.checkId(options.id)
      if (Exit.isFailure(checked)) return Exit.failCause(checked.cause)
      const { value: id } = checked
      const make = () => {
        // A closure knows its own types; here they are found by what is sent.
        const workflow = options.workflow as unknown as AnyHandler
        const host = new LocalHost(this.kernel, localAgent, workflow, options)
        const entry = this.add(new Entry(this.kernel, id, this.nextEpoch(), host, options.state, 0, undefined))
        return new LocalAgentRuntime(entry) as unknown as LocalRuntime<S>
      }
      const { durable } = this
      // No runtime of the store has an id that was made up here.
      if (durable === undefined || options.id === undefined) return Exit.succeed(make())
      return this.createAlone(id, () =>
        Effect.flatMap(
          durable.store.open(id, () => false),
          (stored) =>
            stored === undefined || stored.terminated
              ? Exit.succeed(make())
              : Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(id))
        )
      )
    })

  // -- lookup ----------------------------------------------------------------------------------------------------------

  /** The runtime with an id, opened if it is in the store only. */
  private find(id: string, agent?: string): Effect.Effect<Entry, FindError> {
    return Effect.suspend((): Effect.Effect<Entry, FindError> => {
      const missing = (): Exit.Exit<never, AgentError.AgentRuntimeNotFound> =>
        Exit.fail(AgentError.AgentRuntimeNotFound.of(id))
      const found = (entry: Entry | undefined) =>
        entry === undefined || (agent !== undefined && entry.agent.name !== agent) ? missing() : Exit.succeed(entry)
      const entry = this.entries.get(id)
      if (entry !== undefined) return found(entry)
      const { durable } = this
      if (durable === undefined || !AgentRuntimeId.isAgentRuntimeId(id)) return missing()
      if (this.closing) return Exit.fail(closes())
      return Effect.catchTag(this.open(durable, id), "AgentNotFound", missing).pipe(Effect.flatMap(found))
    })
  }

  /** Brings a runtime in from the store, once for all who ask for it at a time. */
  private open(durable: Durable, id: AgentRuntimeId.AgentRuntimeId) {
    return this.opening.run(id, () => {
      const there = this.entries.get(id)
      if (there !== undefined) return Exit.succeed(there)
      return Effect.map(
        durable.open(id, (name) => this.hostOf(name)),
        (entry) => (entry === undefined || entry.isOver ? entry : this.add(entry))
      )
    })
  }

  /**
   * Where what a workflow sent goes to. A runtime of the store that this process cannot run now, because its workflow is not
   * registered yet or any more, fails `AgentNotFound`: it is there, and what is sent to it must not be lost.
   */
  private destination(id: string): Effect.Effect<Entry, FindError | AgentError.AgentNotFound> {
    return Effect.suspend((): Effect.Effect<Entry, FindError | AgentError.AgentNotFound> => {
      const { durable } = this
      const entry = this.entries.get(id)
      if (durable === undefined || !AgentRuntimeId.isAgentRuntimeId(id)) return this.find(id)
      if (this.closing || entry?.parking === true)
        return Exit.fail(AgentError.AgentNotFound.of(entry?.agent.name ?? ""))
      if (entry !== undefined) return Exit.succeed(entry)
      return Effect.flatMap(this.open(durable, id), (opened) =>
        opened === undefined ? Exit.fail(AgentError.AgentRuntimeNotFound.of(id)) : Exit.succeed(opened)
      )
    })
  }

  private waitsFor(id: string, other: string): boolean {
    const asked = this.entries.get(id)?.attempt?.asking
    return asked?.some((asked) => asked === other || this.waitsFor(asked, other)) === true
  }

  private reopen(entry: Entry): Effect.Effect<Entry, AgentError.AgentRuntimeTerminated | AgentError.StoreUnavailable> {
    const terminated = AgentError.AgentRuntimeTerminated.of(entry.id)
    return Effect.catchTags(
      Effect.flatMap(this.destination(entry.id), (again) =>
        again.epoch === entry.epoch ? Exit.succeed(again) : Exit.fail(terminated)
      ),
      {
        AgentNotFound: () => Effect.fail(notHeld(entry.id)),
        AgentRuntimeNotFound: () => Effect.fail(terminated),
        StateUnreadable: ({ message }) => Effect.fail(new AgentError.StoreUnavailable({ message }))
      }
    )
  }

  readonly get: Placement["get"] = <A extends Agent.Any>(...args: [string] | [A, string]) =>
    Effect.map(args.length === 1 ? this.find(args[0]) : this.find(args[1], args[0].name), (entry) =>
      this.handle<A>(entry)
    )

  readonly list = (
    options: ListOptions = {}
  ): Effect.Effect<Page, AgentError.RequestInvalid | AgentError.StoreUnavailable> =>
    Effect.suspend(() => list(this.entries, this.durable, (agent) => this.hosts.get(agent), options))

  // -- ends ------------------------------------------------------------------------------------------------------------

  readonly terminate = (id: string, options?: TerminateOptions): Effect.Effect<void, FindError> =>
    Effect.catchTag(
      Effect.flatMap(this.find(id), (entry) => terminate(entry, options ?? {})),
      "StateUnreadable",
      (error): Effect.Effect<void, FindError> =>
        this.durable!.giveUp(AgentRuntimeId.AgentRuntimeId.make(id), options?.mode === "immediate" ? undefined : error)
    )

  readonly purge = (id: string): Effect.Effect<void, FindError> =>
    Effect.suspend((): Effect.Effect<void, FindError> => {
      const { durable } = this
      const message = `There is no agent runtime "${id}" that has ended: purge removes what is left after terminate`
      const missing = new AgentError.AgentRuntimeNotFound({ id, message })
      if (durable === undefined || this.entries.has(id) || !AgentRuntimeId.isAgentRuntimeId(id)) {
        return Effect.fail(missing)
      }
      return Effect.flatMap(durable.store.purge(id), (found) => (found ? Effect.void : Effect.fail(missing)))
    })

  readonly fork = (
    id: string,
    options: ForkOptions
  ): Effect.Effect<AgentRuntime, CreateError | FindError | AgentError.CursorInvalid> =>
    Effect.flatMap(this.find(id), (entry) => {
      const at = options.at ?? entry.sequence
      const missing = new AgentError.CursorInvalid({
        cursor: String(at),
        message: `"${id}" keeps no state of sequence ${at}: see statePolicy`
      })
      const state =
        at === entry.sequence
          ? Effect.succeed(entry.state)
          : this.durable === undefined
            ? Effect.fail(missing)
            : Effect.flatMap(this.durable.stateAt(entry, at), (kept) =>
                kept === undefined ? Effect.fail(missing) : Effect.succeed(kept.state)
              )
      return Effect.flatMap(state, (state) => this.create(entry.agent, { id: options.id, state }))
    })

  /**
   * In memory what is queued is processed within the grace; with a store what runs is finished, and the queue stays for the
   * next start.
   */
  private letGo(which: (entry: Entry) => boolean, then: () => void): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { grace } = this.kernel.millis
      const entries = Array.from(this.entries.values()).filter(which)
      for (const entry of entries) {
        if (entry.journal !== undefined) park(entry, grace)
        else {
          // One whose end was asked for before ends for good.
          if (entry.phase === "active") entry.reason = "shutdown"
          beginTermination(entry, "drain", grace, lastChance(grace))
        }
      }
      if (entries.length === 0) return Effect.sync(then)
      // A workflow that drains may create more.
      return Effect.andThen(Effect.forEach(entries, awaitClosed, { discard: true }), this.letGo(which, then))
    })
  }

  private get shutdown(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closing = true
      return this.letGo(
        () => true,
        () => {
          this.durable?.close()
          this.kernel.timers.close()
        }
      )
    })
  }
}

const firstState = ({ agent }: Host, state: unknown): Exit.Exit<unknown, AgentError.RequestInvalid> => {
  const checked = checkState(agent, state)
  if (Exit.isSuccess(checked)) return Exit.succeed(checked.value)
  const { message, path } = faultOf(checked.cause)
  return Exit.fail(
    new AgentError.RequestInvalid({
      path: ["state", ...path],
      message: `The first state of "${agent.name}" does not fit its schema: ${message}`
    })
  )
}
