/**
 * The agents that this dashboard knows by their definitions: what they say is checked and typed.
 */
import { Agent, ActivityType } from "@agent-runtime/schema"
import { Schema } from "effect"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { DocumentIndex } from "../../src/agents/DocumentIndex.ts"

const known: ReadonlyArray<Agent.Any> = [DocsAssistant, DocumentIndex]

/** What is said of any runtime can be read with this one, and it can be told to pause, resume and end. */
export const anyAgent: Agent.Any = Agent.make("Any", {
  state: Schema.Json,
  initialState: null,
  emits: Schema.Json,
  activities: [ActivityType.make("Any", { payload: Schema.Json })]
})

export const agentNamed = (name: string): Agent.Any => known.find((agent) => agent.name === name) ?? anyAgent
