/**
 * What a runtime has told before what the page knows: read from its log a page at a time, the latest first.
 */
import type { Agent, AgentEvent, AgentRuntimeState } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { Effect, Stream } from "effect"

/** How many events a page has. */
export const pageSize = 300

/** What the log keeps: how an activity ended, or that it keeps some no more. */
export type Kept<A extends Agent.Any = Agent.Any> = Exclude<
  AgentEvent.AgentEvent<A>,
  AgentEvent.Emitted | AgentEvent.End
>

export const isKept = <A extends Agent.Any>(event: AgentEvent.AgentEvent<A>): event is Kept<A> =>
  event._tag !== "Emitted" && event._tag !== "End"

/** The sequence that the last page begins after. */
export const startOf = ({ sequence }: AgentRuntimeState.RuntimeInfo): number => Math.max(0, sequence - pageSize)

/** The last sequence that is not known where this is the first event that is. */
export const endBefore = (event: Kept): number => (event._tag === "Gap" ? event.from : event.sequence) - 1

/** What the log keeps no more is no more in any page before. */
const toTheBeginning =
  (after: number, until: number) =>
  <A extends Agent.Any>(event: Kept<A>): Kept<A> => {
    if (event._tag !== "Gap" || event.from > after + 1) return event
    const to = Math.min(event.to, until)
    return { ...event, from: 1, to, missed: to }
  }

const reaches = (event: AgentEvent.AgentEvent, until: number): boolean =>
  isKept(event) && (event._tag === "Gap" ? event.to : event.sequence) >= until

/** The page that ends with the event of this sequence. */
export const pageUntil = <A extends Agent.Any>(agent: A, { epoch, id }: AgentRuntimeState.RuntimeInfo, until: number) =>
  Effect.flatMap(AgentApiClient.AgentApiClient, (client) => {
    const after = Math.max(0, until - pageSize)
    return client
      .runtime(agent, id, epoch)
      .subscribe({ from: { after, epoch }, outcomes: ["processed", "failed"] })
      .pipe(
        Stream.takeUntil((event) => reaches(event, until)),
        Stream.filter((event) => isKept(event)),
        Stream.map(toTheBeginning(after, until)),
        Stream.runCollect
      )
  })
