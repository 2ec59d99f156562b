/**
 * A conversation on this page: its turns, and what one can do in it.
 */
import type { AgentEvent, Priority } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals"
import { Effect } from "effect"
import { Approve, Ask, DocsAssistant, Reject } from "../../src/agents/DocsAssistant.ts"
import * as Api from "./Api.ts"
import { endBefore, pageUntil } from "./Past.ts"
import { look, type RuntimeInfo } from "./Runtimes.ts"
import { type Turn, Turns } from "./Turns.ts"

export class Conversation {
  private readonly info: RuntimeInfo
  private readonly model: Turns
  private readonly current = signal<ReadonlyArray<Turn>>([])
  private readonly lastMissing: Signal<number>

  /** Begins with what is remembered, and is told what follows the event with the sequence `start`. */
  constructor(info: RuntimeInfo, start: number, remembered: ConstructorParameters<typeof Turns>[0]) {
    this.info = info
    this.model = new Turns(remembered)
    this.lastMissing = signal(start)
    this.show()
  }

  get turns(): ReadonlySignal<ReadonlyArray<Turn>> {
    return this.current
  }

  /** The last sequence of what is not known, 0 where everything is. */
  get missing(): ReadonlySignal<number> {
    return this.lastMissing
  }

  private show(): void {
    batch(() => {
      this.current.value = this.model.all
      const { first } = this.model
      if (first !== undefined) this.lastMissing.value = endBefore(first)
    })
  }

  add(events: ReadonlyArray<AgentEvent.AgentEvent<typeof DocsAssistant>>): void {
    for (const event of events) this.model.take(event)
    this.show()
  }

  /** Fetches the page before the first event that is known. */
  fetchEarlier(): Promise<boolean> {
    const until = this.missing.value
    return Api.act(
      Effect.map(pageUntil(DocsAssistant, this.info, until), (events) => {
        if (this.missing.value !== until) return
        this.model.takeEarlier(events)
        this.show()
      })
    )
  }

  private get remote() {
    return Effect.map(AgentApiClient.AgentApiClient, (client) => client.runtime(DocsAssistant, this.info.id))
  }

  /** Asks, and shows the question at once. One that is not accepted is taken back. */
  async ask(question: string, priority: Priority.Priority): Promise<boolean> {
    const id = Api.randomName(12)
    this.model.ask(id, question, priority)
    this.show()
    const isAccepted = await Api.act(
      Effect.flatMap(this.remote, (runtime) => runtime.send(Ask.make({ question }), { id, priority }))
    )
    if (!isAccepted) this.model.takeBack(id)
    this.show()
    look()
    return isAccepted
  }

  /** Lets the language model do what it asked for, or not. */
  decide(isAllowed: boolean): Promise<boolean> {
    const id = Api.randomName(12)
    const decision = isAllowed ? Approve.make() : Reject.make()
    return Api.act(Effect.flatMap(this.remote, (runtime) => runtime.send(decision, { id })))
  }

  /** Gives up a question, whether it waits or is being answered. */
  cancel(activityId: string): Promise<boolean> {
    return Api.act(Effect.flatMap(this.remote, (runtime) => runtime.cancel(activityId)))
  }
}
