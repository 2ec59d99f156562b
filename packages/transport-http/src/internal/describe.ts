import { Agent } from "@agent-runtime/schema"
import type { JsonSchema } from "effect"

/** One JSON Schema that stands alone: what it refers to lies in its own `$defs`. */
export const standAlone = (document: JsonSchema.Document<"draft-2020-12">): Record<string, unknown> =>
  Object.keys(document.definitions).length === 0 ? document.schema : { ...document.schema, $defs: document.definitions }

/** An agent as `GET /v1/agents` shows it. */
export const describe = (agent: Agent.Any): unknown => {
  const { activities, emits, name, state, version } = Agent.toJsonSchema(agent)
  return {
    name,
    version,
    state: standAlone(state),
    emits: standAlone(emits),
    activities: activities.map(({ error, payload, priority, success, type }) => ({
      type,
      priority,
      payload: standAlone(payload),
      success: standAlone(success),
      error: standAlone(error)
    }))
  }
}
