import type { AgentEvent } from "@agent-runtime/schema"
import type { Activity } from "./activity.ts"
import type { Dispatcher, Runnable } from "./dispatcher.ts"
import type { Logged } from "./event.ts"
import type { Subscriber } from "./subscriber.ts"

/** Events in the order in which they happened, with the activity of each. */
export interface Burst {
  readonly events: Array<Logged | AgentEvent.Emitted>
  readonly activities: Array<Activity>
  /** Whether a failure is among them. */
  hasFailed: boolean
  /** The last sequence among them, 0 where none has one. */
  sequence: number
}

const emptyBurst = (): Burst => ({ events: [], activities: [], hasFailed: false, sequence: 0 })

/** So many events are handed over at once at most, which bounds what waits here. */
const maxBurst = 1024

/**
 * The subscribers of one runtime. What happens in one slice of the event loop reaches each of them as one burst, which costs
 * the same whether it is one event or many.
 *
 * Invariant: what is in `burst` no subscriber has. Whoever adds one, looks at its queue, or lets it read the log flushes first.
 */
export class Broadcast implements Runnable {
  readonly subscribers = new Set<Subscriber>()
  private readonly dispatcher: Dispatcher
  private burst: Burst = emptyBurst()

  constructor(dispatcher: Dispatcher) {
    this.dispatcher = dispatcher
  }

  /** What has been committed. What a workflow emits is just added. */
  publish(event: Logged, activity: Activity): void {
    this.burst.sequence = event.sequence
    if (event._tag === "Failed") this.burst.hasFailed = true
    this.add(event, activity)
  }

  add(event: Logged | AgentEvent.Emitted, activity: Activity): void {
    const { activities, events } = this.burst
    activities.push(activity)
    if (events.push(event) === 1) this.dispatcher.enqueue(this)
    else if (events.length === maxBurst) this.flush()
  }

  turn(): number {
    this.flush()
    return 1
  }

  /** Hands over what has happened so far. */
  flush(): void {
    const { burst } = this
    if (burst.events.length === 0) return
    this.burst = emptyBurst()
    for (const subscriber of this.subscribers) subscriber.receive(burst)
  }
}
