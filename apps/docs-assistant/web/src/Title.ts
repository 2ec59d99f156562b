/**
 * What people call a runtime by.
 */
import { Schema } from "effect"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { DocumentIndex } from "../../src/agents/DocumentIndex.ts"
import type { RuntimeInfo } from "./Runtimes.ts"

const isTalk = Schema.is(Schema.Struct({ conversation: Schema.Array(Schema.Struct({ question: Schema.String })) }))
const isFolder = Schema.is(Schema.Struct({ folder: Schema.String }))

/** The first question of a conversation, the name of a folder, or else the id. */
export const titleOf = ({ agent, id, state }: RuntimeInfo): string => {
  if (agent === DocsAssistant.name && isTalk(state)) return state.conversation[0]?.question ?? "New conversation"
  if (agent === DocumentIndex.name && isFolder(state)) return state.folder.replace(/^.*[/\\](?=[^/\\])/, "")
  return id
}
