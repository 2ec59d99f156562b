import { ActivityId, type AgentEvent } from "@agent-runtime/schema"
import { describe, expect, it } from "vitest"
import type { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import type { AnswerEvent } from "../../src/answering/AnswerEvent.ts"
import { isKept, type Kept } from "../../web/src/Past.ts"
import { Turns } from "../../web/src/Turns.ts"

type Event = AgentEvent.AgentEvent<typeof DocsAssistant>
type Processed = Extract<Event, { readonly _tag: "Processed" }>
type AskProcessed = Extract<Processed, { readonly type: "Ask" }>

const id = (name: string) => ActivityId.ActivityId.make(name)
const passage = { file: "zoo.md", firstLine: 1, lastLine: 2, heading: "Zoo", text: "Lions eat meat.", score: 1 }
const approvals = [{ approvalId: "a", tool: "read_document", parameters: {} }]

const emitted = (
  name: string,
  index: number,
  value: AnswerEvent,
  attempt = 1,
  type: "Ask" | "Approve" = "Ask"
): Event => ({
  _tag: "Emitted",
  activityId: id(name),
  type,
  attempt,
  index,
  value,
  at: 0
})

const common = (name: string) =>
  ({ sequence: 1, epoch: 1, activityId: id(name), priority: "standard", attempts: 1, at: 0 }) as const

const answered = (name: string, question: string, reply: NonNullable<AskProcessed["reply"]>): Event => ({
  _tag: "Processed",
  type: "Ask",
  payload: { question },
  reply,
  ...common(name)
})

const cancelled = (name: string, question: string): Event => ({
  _tag: "Failed",
  type: "Ask",
  payload: { question },
  error: { _tag: "ActivityCancelled", message: "cancelled" },
  ...common(name)
})

const kept = (event: Event): Kept<typeof DocsAssistant> => {
  if (!isKept(event)) throw new Error("not in the log")
  return event
}

const told = (...events: ReadonlyArray<Event>) => {
  const turns = new Turns([])
  for (const event of events) turns.take(event)
  return turns
}

describe("Turns", () => {
  it("adds up what is emitted while an answer is made", () => {
    const turns = told(
      emitted("1", 0, { _tag: "Passage", passage }),
      emitted("1", 1, { _tag: "Text", text: "Lions " }),
      emitted("1", 2, { _tag: "Text", text: "eat" })
    )
    expect(turns.all).toMatchObject([{ status: "answering", answer: "Lions eat", passages: [passage] }])
  })

  it("begins anew with each attempt", () => {
    const turns = told(
      emitted("1", 0, { _tag: "Text", text: "Once" }),
      emitted("1", 0, { _tag: "Text", text: "Twice" }, 2)
    )
    expect(turns.all).toMatchObject([{ answer: "Twice" }])
  })

  it("shows what ended first, then what is answered, then what waits", () => {
    const turns = new Turns([])
    turns.ask("1", "waits", "background")
    turns.ask("2", "is answered", "standard")
    turns.ask("3", "has ended", "urgent")
    turns.take(emitted("2", 0, { _tag: "Text", text: "So" }))
    turns.take(answered("3", "has ended", { answer: "Yes", passages: [] }))
    expect(turns.all.map((turn) => [turn.question, turn.status])).toEqual([
      ["has ended", "answered"],
      ["is answered", "answering"],
      ["waits", "waiting"]
    ])
  })

  it("keeps what was said of an answer that was cancelled, and why it ended", () => {
    const turns = told(emitted("1", 0, { _tag: "Text", text: "Well" }), cancelled("1", "Why?"))
    expect(turns.all).toMatchObject([
      { question: "Why?", status: "failed", answer: "Well", failure: { _tag: "ActivityCancelled" } }
    ])
  })

  it("takes a question that is sent again for the same", () => {
    const turns = told(cancelled("1", "Why?"), answered("1", "Why?", { answer: "So", passages: [] }))
    expect(turns.all).toMatchObject([{ question: "Why?", status: "answered", answer: "So" }])
  })

  it("goes on with the answer that waited for a human", () => {
    const turns = told(
      answered("1", "Why?", { answer: "I look", passages: [passage], approvals }),
      emitted("2", 0, { _tag: "Text", text: " it up" }, 1, "Approve")
    )
    expect(turns.all).toMatchObject([{ id: "1", activityId: "2", status: "answering", answer: "I look it up" }])
    turns.take({
      _tag: "Processed",
      type: "Approve",
      payload: undefined,
      reply: { answer: "Done", passages: [] },
      ...common("2")
    })
    expect(turns.all).toMatchObject([{ id: "1", question: "Why?", status: "answered", answer: "Done", approvals: [] }])
  })

  it("puts what was told before in front, with what came of it later", () => {
    const turns = told(
      {
        _tag: "Processed",
        type: "Approve",
        payload: undefined,
        reply: { answer: "Done", passages: [] },
        ...common("2")
      },
      cancelled("3", "Later?"),
      emitted("3", 0, { _tag: "Text", text: "Again" }, 2),
      emitted("4", 0, { _tag: "Text", text: "Now" })
    )
    turns.takeEarlier([
      kept(answered("0", "Before?", { answer: "So", passages: [] })),
      kept(answered("1", "Why?", { answer: "I look", passages: [], approvals }))
    ])
    expect(turns.first).toMatchObject({ activityId: "0" })
    expect(turns.all.map(({ answer, question, status }) => [question, answer, status])).toEqual([
      ["Before?", "So", "answered"],
      ["Why?", "Done", "answered"],
      ["Later?", "Again", "answering"],
      [undefined, "Now", "answering"]
    ])
  })

  it("has nothing left once the conversation is forgotten", () => {
    const turns = told(answered("1", "Why?", { answer: "So", passages: [] }), {
      _tag: "Processed",
      type: "Forget",
      payload: undefined,
      ...common("2")
    })
    expect(turns.all).toEqual([])
  })
})
