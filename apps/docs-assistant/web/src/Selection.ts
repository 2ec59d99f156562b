/**
 * The runtime that is looked at, followed: its events since a little while ago, over as many connections as it takes.
 */
import type { Agent, AgentEvent } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { batch, computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals"
import { Effect, Fiber, Schedule, Schema, Stream } from "effect"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { agentNamed } from "./Agents.ts"
import * as Api from "./Api.ts"
import { following } from "./Connection.ts"
import { Conversation } from "./Conversation.ts"
import { type Entry, EventLog } from "./EventLog.ts"
import { pageUntil, startOf } from "./Past.ts"
import { look, type RuntimeInfo, selected } from "./Runtimes.ts"

/** How many entries of a log are kept. */
const kept = 1000

export interface Selection {
  readonly agent: Agent.Any
  readonly entries: ReadonlySignal<ReadonlyArray<Entry>>
  /** The last sequence of what is not among the entries, 0 where everything is. */
  readonly missing: ReadonlySignal<number>
  /** Fetches the page before the first entry. */
  readonly fetchEarlier: () => Promise<boolean>
  /** Where the runtime is a conversation. */
  readonly conversation: Conversation | undefined
}

const current = signal<Selection | undefined>(undefined)
export const selection: ReadonlySignal<Selection | undefined> = current

const follow = <A extends Agent.Any>(
  agent: A,
  info: RuntimeInfo,
  tell: (events: ReadonlyArray<AgentEvent.AgentEvent<A>>) => void
) =>
  Effect.gen(function* () {
    const client = yield* AgentApiClient.AgentApiClient
    const events = client.runtime(agent, info.id, info.epoch).subscribe({
      from: { after: startOf(info), epoch: info.epoch },
      outcomes: ["processed", "failed"]
    })
    yield* Stream.runForEachArray(events, (events) =>
      Effect.sync(() => {
        batch(() => tell(events))
        look()
      })
    )
  }).pipe(
    // Once connected the client reconnects by itself; this is for a server that is away at the very beginning.
    Effect.retry({ while: (error) => error._tag === "ApiUnavailable", schedule: Schedule.spaced("1 second") }),
    Effect.catch((error) => Effect.sync(() => Api.report(error))),
    following
  )

const isConversation = Schema.is(DocsAssistant.state)

/** The log of a runtime that has ended is closed, and a fork has none of what was before it: the state tells instead. */
const remembered = ({ sequence, state, status }: RuntimeInfo) =>
  isConversation(state) && (status === "terminated" || sequence === 0) ? state.conversation : []

const select = (info: RuntimeInfo): (() => void) => {
  const start = info.status === "terminated" ? 0 : startOf(info)
  const log = new EventLog(kept, start)
  const agent = agentNamed(info.agent)
  const conversation = info.agent === DocsAssistant.name ? new Conversation(info, start, remembered(info)) : undefined
  const told =
    conversation === undefined
      ? follow(agent, info, (events) => log.add(events))
      : follow(DocsAssistant, info, (events) => {
          log.add(events)
          conversation.add(events)
        })
  const fiber = info.status === "terminated" ? undefined : Api.fork(told)
  const fetchEarlier = () => {
    const until = log.missing.value
    return Api.act(
      Effect.map(pageUntil(agent, info, until), (events) => {
        if (log.missing.value === until) log.addEarlier(events)
      })
    )
  }
  current.value = { agent, entries: log.entries, missing: log.missing, fetchEarlier, conversation }
  return () => {
    if (fiber !== undefined) Effect.runFork(Fiber.interrupt(fiber))
    current.value = undefined
  }
}

/** Another id, or another life under the same id, is another selection. */
const life = computed(() => {
  const info = selected.value
  return info === undefined ? undefined : `${info.id}/${info.epoch}`
})

/** Follows whatever is selected, one runtime at a time. */
export const start = (): void => {
  effect(() => {
    if (life.value === undefined) return
    const info = selected.peek()
    return info === undefined ? undefined : untracked(() => select(info))
  })
}
