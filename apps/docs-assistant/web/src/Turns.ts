/**
 * The turns of a conversation, as the events of its runtime tell them: those that have ended in the order they ended, then what
 * is being answered, then what waits.
 */
import type { AgentEvent, Priority } from "@agent-runtime/schema"
import type { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import type { AnswerEvent, Approval } from "../../src/answering/AnswerEvent.ts"
import type { Turn as Remembered } from "../../src/answering/Conversation.ts"
import type { FoundPassage } from "../../src/library/Passage.ts"
import { isKept, type Kept } from "./Past.ts"

type Event = AgentEvent.AgentEvent<typeof DocsAssistant>

export interface Turn {
  /** The activity that asked. */
  readonly id: string
  /** The activity that makes the answer, or made it: another one once a human has decided. */
  readonly activityId: string
  /** Missing where another page has asked, until it is answered. */
  readonly question: string | undefined
  readonly priority: Priority.Priority | undefined
  readonly status: "waiting" | "answering" | "answered" | "failed"
  readonly answer: string
  readonly passages: ReadonlyArray<FoundPassage>
  /** What the language model does beside writing. */
  readonly doing: string | undefined
  /** What it may not do without a human's leave. */
  readonly approvals: ReadonlyArray<Approval>
  /** Why there is no answer. */
  readonly failure: AgentEvent.Failed["error"] | undefined
}

interface Open {
  turn: Turn
  /** What each attempt begins with. */
  readonly begun: Turn
  attempt: number
}

const asking = (activityId: string, question?: string, priority?: Priority.Priority): Turn => ({
  id: activityId,
  activityId,
  question,
  priority,
  status: "waiting",
  answer: "",
  passages: [],
  doing: undefined,
  approvals: [],
  failure: undefined
})

const told = (turn: Turn, value: AnswerEvent): Turn => {
  switch (value._tag) {
    case "Passage":
      return { ...turn, passages: [...turn.passages, value.passage] }
    case "Text":
      return { ...turn, answer: turn.answer + value.text, doing: undefined }
    case "ToolCalled":
      return { ...turn, doing: `${value.tool} ${JSON.stringify(value.parameters)}` }
    case "ApprovalNeeded":
      return { ...turn, approvals: value.approvals }
  }
}

const isDecision = (type: string): boolean => type === "Approve" || type === "Reject"

export class Turns {
  private ended: Array<Turn>
  private kept: Array<Kept<typeof DocsAssistant>> = []
  private readonly open = new Map<string, Open>()

  /** Begins with what is remembered of a conversation whose events are not told again. */
  constructor(remembered: ReadonlyArray<Remembered>) {
    this.ended = remembered.map(({ answer, question }, index) => ({
      ...asking(`remembered-${index}`, question),
      status: "answered",
      answer
    }))
  }

  get all(): ReadonlyArray<Turn> {
    const open = Array.from(this.open.values(), ({ turn }) => turn)
    return [
      ...this.ended,
      ...open.filter(({ status }) => status === "answering"),
      ...open.filter(({ status }) => status === "waiting")
    ]
  }

  /** This page asks: the question is shown before any event tells of it. */
  ask(activityId: string, question: string, priority: Priority.Priority): void {
    this.begin(asking(activityId, question, priority))
  }

  /** It was not accepted. */
  takeBack(activityId: string): void {
    this.open.delete(activityId)
  }

  /** The first event that is known. */
  get first(): Kept<typeof DocsAssistant> | undefined {
    return this.kept[0]
  }

  /** What was told before the first event that is known. */
  takeEarlier(events: ReadonlyArray<Kept<typeof DocsAssistant>>): void {
    const open = Array.from(this.open)
    const kept = [...events, ...this.kept]
    this.open.clear()
    this.ended = []
    this.kept = []
    for (const event of kept) this.take(event)
    for (const [activityId, turn] of open) {
      this.ended = this.ended.filter((turn) => turn.activityId !== activityId)
      this.open.set(activityId, turn)
    }
  }

  take(event: Event): void {
    if (isKept(event)) this.kept.push(event)
    switch (event._tag) {
      case "Emitted": {
        const open = this.openFor(event.activityId, event.type)
        if (open === undefined) return
        if (open.attempt !== event.attempt) {
          open.attempt = event.attempt
          open.turn = { ...open.begun, status: "answering" }
        }
        open.turn = told(open.turn, event.value)
        return
      }
      case "Processed":
        if (event.type === "Forget") this.ended = []
        if (event.type !== "Ask" && event.type !== "Approve" && event.type !== "Reject") return
        return this.end(event.activityId, event, (turn) => ({
          ...turn,
          status: "answered",
          answer: event.reply?.answer ?? turn.answer,
          passages: event.reply?.passages ?? turn.passages,
          approvals: event.reply?.approvals ?? [],
          failure: undefined
        }))
      case "Failed":
        return this.end(event.activityId, event, (turn) => ({
          ...turn,
          status: "failed",
          failure: event.error
        }))
    }
  }

  private begin(turn: Turn): Open {
    const open = { turn, begun: turn, attempt: -1 }
    this.open.set(turn.activityId, open)
    return open
  }

  /** The turn that an activity answers: its own, or the one that waited for a human. */
  private openFor(activityId: string, type: string): Open | undefined {
    const open = this.open.get(activityId)
    if (open !== undefined) return open
    if (type === "Ask") {
      // A dead letter that is sent again is the same question.
      const before = this.ended.findIndex((turn) => turn.activityId === activityId)
      const [turn] = before < 0 ? [] : this.ended.splice(before, 1)
      return this.begin(asking(activityId, turn?.question, turn?.priority))
    }
    const parked = isDecision(type) ? this.ended.findLastIndex(({ approvals }) => approvals.length > 0) : -1
    const [turn] = parked < 0 ? [] : this.ended.splice(parked, 1)
    return turn === undefined ? undefined : this.begin({ ...turn, activityId, approvals: [] })
  }

  private end(
    activityId: string,
    event: Extract<Event, { readonly _tag: "Processed" | "Failed" }>,
    how: (turn: Turn) => Turn
  ): void {
    const open = this.openFor(activityId, event.type)
    if (open === undefined) return
    this.open.delete(activityId)
    const { question } = event.type === "Ask" ? event.payload : open.turn
    this.ended.push(how({ ...open.turn, question, priority: event.priority, doing: undefined }))
  }
}
