import { AgentRuntimeId } from "@agent-runtime/schema"
import { describe, expect, it } from "vitest"
import { titleOf } from "../../web/src/Title.ts"

const folder = (folder: string) =>
  titleOf({
    id: AgentRuntimeId.AgentRuntimeId.make("index-my-docs-0123abcd"),
    agent: "DocumentIndex",
    state: { folder }
  })

describe("Title", () => {
  it("names a folder as its path does, or else its id", () => {
    expect(["../notes", "notes/", "/a/b.c", ".", "../..", "/"].map(folder)).toEqual([
      "notes",
      "notes",
      "b.c",
      "my-docs",
      "my-docs",
      "my-docs"
    ])
  })

  it("names a conversation by its first question, and others by their ids", () => {
    const id = AgentRuntimeId.AgentRuntimeId.make("talk")
    const conversation = (...questions: ReadonlyArray<string>) => ({
      conversation: questions.map((question) => ({ question }))
    })
    expect(titleOf({ id, agent: "DocsAssistant", state: conversation("Why?", "How?") })).toBe("Why?")
    expect(titleOf({ id, agent: "DocsAssistant", state: conversation() })).toBe("New conversation")
    expect(titleOf({ id, agent: "Other", state: null })).toBe("talk")
  })
})
