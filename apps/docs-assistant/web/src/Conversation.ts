/**
 * A conversation on this page: its turns, and what one can do in it.
 */
import type { AgentEvent, Priority } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { type ReadonlySignal, signal } from "@preact/signals"
import { Effect } from "effect"
import { Approve, Ask, DocsAssistant, Reject } from "../../src/agents/DocsAssistant.ts"
import * as Api from "./Api.ts"
import { look } from "./Runtimes.ts"
import { type Turn, Turns } from "./Turns.ts"

export class Conversation {
  readonly id: string
  private readonly model: Turns
  private readonly current = signal<ReadonlyArray<Turn>>([])

  constructor(id: string, remembered: ConstructorParameters<typeof Turns>[0]) {
    this.id = id
    this.model = new Turns(remembered)
    this.current.value = this.model.all
  }

  get turns(): ReadonlySignal<ReadonlyArray<Turn>> {
    return this.current
  }

  add(events: ReadonlyArray<AgentEvent.AgentEvent<typeof DocsAssistant>>): void {
    for (const event of events) this.model.take(event)
    this.current.value = this.model.all
  }

  private get remote() {
    return Effect.map(AgentApiClient.AgentApiClient, (client) => client.runtime(DocsAssistant, this.id))
  }

  /** Asks, and shows the question at once. One that is not accepted is taken back. */
  async ask(question: string, priority: Priority.Priority): Promise<boolean> {
    const id = Api.randomName(12)
    this.model.ask(id, question, priority)
    this.current.value = this.model.all
    const isAccepted = await Api.act(
      Effect.flatMap(this.remote, (runtime) => runtime.send(Ask.make({ question }), { id, priority }))
    )
    if (!isAccepted) this.model.takeBack(id)
    this.current.value = this.model.all
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
