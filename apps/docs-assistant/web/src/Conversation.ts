/**
 * A conversation as it is told by the events of its runtime, and by what this page has asked and is not answered yet.
 */
import type { Priority } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { computed, type ReadonlySignal, signal } from "@preact/signals"
import { Effect } from "effect"
import { Ask, DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import type { FoundPassage } from "../../src/library/Passage.ts"
import * as Api from "./Api.ts"
import type { Entry, EventLog } from "./EventLog.ts"
import { look } from "./Runtimes.ts"

export interface Turn {
  readonly activityId: string
  /** Missing where another page has asked, until it is answered. */
  readonly question: string | undefined
  readonly priority: Priority.Priority | undefined
  readonly status: "waiting" | "answering" | "answered" | "failed"
  readonly answer: string
  readonly passages: ReadonlyArray<FoundPassage>
  /** Why there is no answer. */
  readonly failure: string | undefined
}

interface Asked {
  readonly activityId: string
  readonly question: string
  readonly priority: Priority.Priority
}

type Told = Entry<typeof DocsAssistant>

const waiting = ({ activityId, priority, question }: Asked): Turn => ({
  activityId,
  question,
  priority,
  status: "waiting",
  answer: "",
  passages: [],
  failure: undefined
})

/** What one entry says about a turn. */
const turnOf = (entry: Told, before: Turn | undefined): Turn | undefined => {
  switch (entry._tag) {
    case "Emissions": {
      if (entry.first.type !== "Ask") return undefined
      const passages = entry.values.flatMap((value) => (value._tag === "Passage" ? [value.passage] : []))
      return {
        activityId: entry.first.activityId,
        question: before?.question,
        priority: before?.priority,
        status: "answering",
        answer: "",
        passages,
        failure: undefined
      }
    }
    case "Processed":
    case "Failed": {
      if (entry.type !== "Ask") return undefined
      const { activityId, payload, priority } = entry
      const common = { activityId, question: payload.question, priority }
      return entry._tag === "Failed"
        ? {
            ...common,
            status: "failed",
            answer: before?.answer ?? "",
            passages: before?.passages ?? [],
            failure: entry.error.message
          }
        : {
            ...common,
            status: "answered",
            answer: entry.reply?.answer ?? "",
            passages: entry.reply?.passages ?? [],
            failure: undefined
          }
    }
    default:
      return undefined
  }
}

/** The turns in the order they ended, then what is being answered, then what waits. */
const turnsOf = (entries: ReadonlyArray<Told>, asked: ReadonlyArray<Asked>): ReadonlyArray<Turn> => {
  const known = new Map<string, Turn>(asked.map((one) => [one.activityId, waiting(one)]))
  const ended: Array<Turn> = []
  for (const entry of entries) {
    const id =
      entry._tag === "Emissions" ? entry.first.activityId : "activityId" in entry ? entry.activityId : undefined
    if (id === undefined) continue
    const turn = turnOf(entry, known.get(id))
    if (turn === undefined) continue
    if (entry._tag === "Emissions") known.set(id, turn)
    else {
      known.delete(id)
      ended.push(turn)
    }
  }
  const open = Array.from(known.values())
  return [
    ...ended,
    ...open.filter(({ status }) => status === "answering"),
    ...open.filter(({ status }) => status === "waiting")
  ]
}

export class Conversation {
  readonly id: string
  readonly turns: ReadonlySignal<ReadonlyArray<Turn>>
  private readonly asked = signal<ReadonlyArray<Asked>>([])

  constructor(id: string, log: EventLog<typeof DocsAssistant>) {
    this.id = id
    this.turns = computed(() => turnsOf(log.entries.value, this.asked.value))
  }

  private remote() {
    return Effect.map(AgentApiClient.AgentApiClient, (client) => client.runtime(DocsAssistant, this.id))
  }

  /** Asks, and shows the question at once. One that is not accepted is taken back. */
  async ask(question: string, priority: Priority.Priority): Promise<boolean> {
    const activityId = Api.randomName(12)
    this.asked.value = [...this.asked.value, { activityId, question, priority }]
    const isAccepted = await Api.act(
      Effect.flatMap(this.remote(), (runtime) => runtime.send(Ask.make({ question }), { id: activityId, priority }))
    )
    if (!isAccepted) this.asked.value = this.asked.value.filter((one) => one.activityId !== activityId)
    look()
    return isAccepted
  }

  /** Gives up a question, whether it waits or is being answered. */
  cancel(activityId: string): Promise<boolean> {
    return Api.act(Effect.flatMap(this.remote(), (runtime) => runtime.cancel(activityId)))
  }
}
