import { Clock, Context, Deferred, Effect, Exit } from "effect"
import { ShuttingDown, TooManyRequests } from "../ApiError.ts"
import type { Principal } from "../Authorization.ts"
import { ServerLimits, type ServerLimitsShape } from "../ServerLimits.ts"
import type { EventWriter } from "./eventWriter.ts"

export const shuttingDown = (): ShuttingDown =>
  new ShuttingDown({ message: "This server is shutting down: try another, or later" })

/** What one principal has going. */
interface Usage {
  requests: number
  streams: number
  /** Requests that may still be made now; fills up with time. */
  budget: number
  filledAt: number
}

/** What all requests of a server share: who has how much going, the open streams, and whether it is going down. */
export class Gate {
  readonly limits: ServerLimitsShape
  readonly clock: Clock.Clock
  readonly streams = new Set<EventWriter>()
  private readonly usages = new Map<string, Usage>()
  /** Set once the server is going down. */
  closing = false
  /** Done when asks are to end. No promise: it would keep whoever has waited for it. */
  readonly closed = Deferred.makeUnsafe<void>()

  constructor(limits: ServerLimitsShape, clock: Clock.Clock) {
    this.limits = limits
    this.clock = clock
  }

  /** From here on waiting asks are answered with what is known. */
  endWaits(): void {
    Deferred.doneUnsafe(this.closed, Exit.void)
  }

  get requests(): number {
    let sum = 0
    for (const usage of this.usages.values()) sum += usage.requests
    return sum
  }

  private usageOf(principal: Principal): Usage {
    let usage = this.usages.get(principal.name)
    if (usage === undefined) {
      usage = { requests: 0, streams: 0, budget: 2 * this.limits.requestsPerSecond, filledAt: 0 }
      this.usages.set(principal.name, usage)
    }
    return usage
  }

  /** Counts a request in, or says why not. */
  enter(principal: Principal): TooManyRequests | undefined {
    const { connectionsPerPrincipal, requestsPerSecond } = this.limits
    const usage = this.usageOf(principal)
    if (usage.requests >= connectionsPerPrincipal) return tooMany("connections", connectionsPerPrincipal)
    if (requestsPerSecond !== Number.POSITIVE_INFINITY) {
      const now = this.clock.currentTimeMillisUnsafe()
      usage.budget = Math.min(2 * requestsPerSecond, usage.budget + ((now - usage.filledAt) / 1000) * requestsPerSecond)
      usage.filledAt = now
      if (usage.budget < 1) return tooMany("requests", requestsPerSecond)
      usage.budget--
    }
    usage.requests++
    return undefined
  }

  leave(principal: Principal): void {
    this.usageOf(principal).requests--
  }

  /** Forgets who has nothing going and may make as many requests as anyone: there is no end to the names that come. */
  forget(now: number): void {
    for (const [name, usage] of this.usages) {
      if (usage.requests === 0 && usage.streams === 0 && now - usage.filledAt > 2000) this.usages.delete(name)
    }
  }

  /** Counts a stream in until the scope closes. */
  enterStream(principal: Principal) {
    return Effect.acquireRelease(
      Effect.suspend((): Exit.Exit<Usage, ShuttingDown | TooManyRequests> => {
        if (this.closing) return Exit.fail(shuttingDown())
        const usage = this.usageOf(principal)
        if (usage.streams >= this.limits.streamsPerPrincipal) {
          return Exit.fail(tooMany("streams", this.limits.streamsPerPrincipal))
        }
        usage.streams++
        return Exit.succeed(usage)
      }),
      (usage) =>
        Effect.sync(() => {
          usage.streams--
        })
    )
  }
}

const tooMany = (what: TooManyRequests["what"], limit: number): TooManyRequests =>
  new TooManyRequests({
    what,
    limit,
    message: `This principal may have ${limit} ${what}${what === "requests" ? " a second" : " at once"}: try again later`
  })

export class CurrentGate extends Context.Service<CurrentGate, Gate>()("@agent-runtime/transport-http/Gate") {
  static readonly make: Effect.Effect<Gate> = Effect.gen(function* () {
    return new Gate(yield* ServerLimits, yield* Clock.Clock)
  })
}
