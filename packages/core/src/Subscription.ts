/**
 * How a subscriber wants its events: which, from where, how many may wait, and what happens when it is too slow.
 *
 * @since 0.1.0
 */
import type { Agent, AgentEvent, Priority } from "@agent-runtime/schema"

/**
 * Where a subscription begins: after what is logged now, at the oldest event still logged, or after a sequence. With
 * `epoch` the sequence is checked to belong to this life of the runtime.
 *
 * @category models
 * @since 0.1.0
 */
export type From = "latest" | "earliest" | { readonly after: number; readonly epoch?: number | undefined }

/**
 * @category models
 * @since 0.1.0
 */
export type Outcome = "processed" | "failed"

/**
 * @category options
 * @since 0.1.0
 */
export interface SubscriptionOptions<A extends Agent.Any = Agent.Any> {
  /** Default `"latest"`. */
  readonly from?: From | undefined
  /** Only activities of these types. */
  readonly types?: ReadonlyArray<Agent.Activities<A>["name"]> | undefined
  /** Only activities of these priorities. */
  readonly priorities?: ReadonlyArray<Priority.Priority> | undefined
  /** Default `["processed"]`. */
  readonly outcomes?: ReadonlyArray<Outcome> | undefined
  /** Runs before the queue. One that throws ends this subscription only. */
  readonly filter?: ((event: AgentEvent.AgentEvent<A>) => boolean) | undefined
  /** How many events may wait for this subscriber. Default 1024. */
  readonly capacity?: number | undefined
  /**
   * When more wait: `sliding` (default) drops the oldest and says so with a `Gap`, `disconnect` fails the stream with
   * `SubscriberLagged`.
   */
  readonly strategy?: "sliding" | "disconnect" | undefined
  /** Shown in the runtime's info. */
  readonly name?: string | undefined
}
