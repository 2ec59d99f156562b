/**
 * The port that durable stores implement. Use `RuntimeManager.layerDurable` with a layer that provides it, such as
 * `SqlRuntimeStore.layer` of `@agent-runtime/store-sql`.
 *
 * Everything that an active runtime needs to go on is in memory and written through; the store is read only when a runtime
 * is opened, listed or forked, and when somebody asks for what had ended before it was opened. All values are JSON that `core` has encoded.
 *
 * @since 0.1.0
 */
import type { AgentError, AgentRuntimeId } from "@agent-runtime/schema"
import { Context, type Effect, type Exit, Layer, Schema } from "effect"
import { MemoryStore } from "./internal/memoryStore.ts"

/**
 * Another owner has opened the runtime: the write did not happen, and this owner must let go.
 *
 * @category errors
 * @since 0.1.0
 */
export class RuntimeFenced extends Schema.TaggedError<RuntimeFenced>()("RuntimeFenced", {
  message: Schema.String,
  id: Schema.String
}) {}

/**
 * A runtime that this process holds. Made by `create` and `open`; every write names it, and a write of one that was
 * opened elsewhere since fails `RuntimeFenced`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle {
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly agent: string
  readonly epoch: number
}

/**
 * An accepted activity until it has ended. `position` is its name in the store and gives the order of acceptance;
 * `attempts` counts the attempts started, `crashes` those that the process did not survive, `failures` those that failed and
 * were to be retried. `due` (milliseconds since the Unix epoch) is set while it is delayed or waits for its retry, `ahead` if
 * it goes before everything in the mailbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pending {
  readonly position: number
  readonly activity: Schema.Json
  readonly attempts: number
  readonly crashes: number
  readonly failures: number
  readonly due: number | undefined
  readonly ahead: boolean
}

/**
 * One ended activity: its event and its receipt. `at` is in milliseconds since the Unix epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogEntry {
  readonly sequence: number
  readonly at: number
  readonly entry: Schema.Json
}

/**
 * Something kept under a position: a dead letter, or a message of the outbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  readonly position: number
  readonly value: Schema.Json
}

/**
 * A runtime as its store knows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stored {
  readonly id: AgentRuntimeId.AgentRuntimeId
  readonly agent: string
  readonly epoch: number
  readonly terminated: boolean
  readonly state: Schema.Json
  /** The version of the agent's state schema that `state` was written with. */
  readonly version: number
  readonly sequence: number
  /** Opaque to the store: paused, last error. */
  readonly info: Schema.Json
}

/**
 * A runtime as it was left, and everything that is not finished.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened extends Stored {
  readonly handle: Handle
  /** In order of acceptance. */
  readonly pending: ReadonlyArray<Pending>
  /** The activity whose attempt was started and not ended, if any: its process died while it ran. */
  readonly running: number | undefined
  /** Oldest first. */
  readonly deadLetters: ReadonlyArray<Kept>
  /** What was sent and is not known to be delivered, oldest first. */
  readonly outbox: ReadonlyArray<Kept>
}

/**
 * One atomic step of one runtime: whatever is given commits together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly accept?: ReadonlyArray<Omit<Pending, "position">>
  /** An attempt begins; at most one activity of a runtime runs. Ends when the position is updated or removed. */
  readonly start?: { readonly position: number; readonly attempts: number }
  readonly update?: ReadonlyArray<Omit<Pending, "activity">>
  readonly remove?: ReadonlyArray<number>
  readonly append?: ReadonlyArray<LogEntry>
  readonly state?: {
    readonly state: Schema.Json
    readonly version: number
    readonly sequence: number
    /** Whether the state stays readable after the next one. */
    readonly keep: boolean
  }
  readonly info?: Schema.Json
  readonly bury?: ReadonlyArray<Schema.Json>
  readonly exhume?: ReadonlyArray<number>
  readonly send?: ReadonlyArray<Schema.Json>
  /** Leaves the outbox, of whichever runtime that is: who accepts what another has sent takes it out in the same step. */
  readonly sent?: ReadonlyArray<number>
  readonly terminated?: boolean
}

/**
 * A step of a runtime that is to be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Write {
  readonly handle: Handle
  readonly change: Change
}

/**
 * The positions that the store gave, in the order of the change.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written {
  readonly accepted: ReadonlyArray<number>
  readonly buried: ReadonlyArray<number>
  readonly outbox: ReadonlyArray<number>
}

/**
 * What became of a write.
 *
 * @category models
 * @since 0.1.0
 */
export type WriteExit = Exit.Exit<Written, RuntimeFenced | AgentError.StoreUnavailable>

/**
 * Where durable runtimes are kept.
 *
 * @category services
 * @since 0.1.0
 */
export class RuntimeStore extends Context.Service<
  RuntimeStore,
  {
    /** Creates a runtime, in the place of a terminated one with this id. */
    readonly create: (options: {
      readonly id: AgentRuntimeId.AgentRuntimeId
      readonly agent: string
      readonly epoch: number
      readonly state: Schema.Json
      readonly version: number
      readonly info: Schema.Json
    }) => Effect.Effect<Handle, AgentError.AgentRuntimeAlreadyExists | AgentError.StoreUnavailable>

    /**
     * Takes a runtime over: from here on whoever held it before is fenced. One that is terminated, or whose agent `canRun`
     * says is not run here, is only read. Takes as long as what is pending, whatever has ended.
     */
    readonly open: (
      id: AgentRuntimeId.AgentRuntimeId,
      canRun?: (agent: string) => boolean
    ) => Effect.Effect<Opened | undefined, AgentError.StoreUnavailable>

    /** The live runtimes of an agent with something pending or to be delivered: proportional to their number. */
    readonly recoverable: (
      agent: string
    ) => Effect.Effect<ReadonlyArray<AgentRuntimeId.AgentRuntimeId>, AgentError.StoreUnavailable>

    /**
     * Writes a step of each of several runtimes, which share a commit with what else is written meanwhile. Answers after the
     * commit what became of each: one that fails does not concern the others. `StoreUnavailable` means that it is certainly not
     * committed: an unknown outcome is looked up first.
     */
    readonly write: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<WriteExit>>

    /** Runtimes by id in ascending order, terminated ones among them until they are purged. */
    readonly list: (options: {
      readonly agent: string | undefined
      readonly after: string | undefined
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<Stored>, AgentError.StoreUnavailable>

    /** Ended activities with a sequence above `after`, in order. */
    readonly log: (
      id: AgentRuntimeId.AgentRuntimeId,
      options: { readonly epoch: number; readonly after: number; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<LogEntry>, AgentError.StoreUnavailable>

    /** A kept state, the newest of at most this sequence. */
    readonly stateAt: (
      id: AgentRuntimeId.AgentRuntimeId,
      sequence: number
    ) => Effect.Effect<
      { readonly state: Schema.Json; readonly version: number; readonly sequence: number } | undefined,
      AgentError.StoreUnavailable
    >

    /** Removes every row of a terminated runtime; answers whether there were any. */
    readonly purge: (id: AgentRuntimeId.AgentRuntimeId) => Effect.Effect<boolean, AgentError.StoreUnavailable>

    /** Drops ended activities and kept states beyond these numbers; never what is pending. */
    readonly compact: (
      handle: Handle,
      keep: { readonly log: number; readonly states: number }
    ) => Effect.Effect<void, AgentError.StoreUnavailable>
  }
>()("@agent-runtime/core/RuntimeStore") {}

/**
 * A store in the memory of this process, for tests of what is to be durable: it survives a manager, not the process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<RuntimeStore> = Layer.sync(
  RuntimeStore,
  () =>
    new MemoryStore((id) => new RuntimeFenced({ id, message: `Runtime "${id}" was opened elsewhere since` })).service
)
