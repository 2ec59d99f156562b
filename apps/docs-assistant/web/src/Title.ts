/**
 * What people call a runtime by.
 */
import type { AgentRuntimeState } from "@agent-runtime/schema"
import { Schema } from "effect"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { DocumentIndex } from "../../src/agents/DocumentIndex.ts"

const isTalk = Schema.is(Schema.Struct({ conversation: Schema.Array(Schema.Struct({ question: Schema.String })) }))
const isFolder = Schema.is(Schema.Struct({ folder: Schema.String }))

/** The first question of a conversation, the name of a folder, or else the id. */
export const titleOf = ({
  agent,
  id,
  state
}: Pick<AgentRuntimeState.RuntimeInfo, "agent" | "id" | "state">): string => {
  if (agent === DocsAssistant.name && isTalk(state)) return state.conversation[0]?.question ?? "New conversation"
  if (agent === DocumentIndex.name && isFolder(state)) {
    const name = state.folder.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "")
    // The id has the name of a folder that is written as a way to it.
    return /^\.*$/.test(name) ? id.replace(/^index-(.+)-[0-9a-f]+$/, "$1") : name
  }
  return id
}
