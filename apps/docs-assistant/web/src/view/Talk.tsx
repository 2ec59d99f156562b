import { Priority } from "@agent-runtime/schema"
import { useSignal } from "@preact/signals"
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { FoundPassage } from "../../../src/library/Passage.ts"
import { Schema } from "effect"
import { DocsAssistant } from "../../../src/agents/DocsAssistant.ts"
import type { Approval } from "../../../src/answering/AnswerEvent.ts"
import type { Conversation } from "../Conversation.ts"
import type { RuntimeInfo } from "../Runtimes.ts"
import type { Turn } from "../Turns.ts"
import { Earlier } from "./Earlier.tsx"
import { Markdown } from "./Markdown.tsx"
import { linesOf, openPassage } from "./PassageDialog.tsx"

const fileName = (file: string) => file.slice(file.lastIndexOf("/") + 1)

const Citations = ({ passages }: { readonly passages: ReadonlyArray<FoundPassage> }) =>
  passages.length === 0 ? null : (
    <ul class="citations" aria-label="Passages">
      {passages.map((passage, index) => (
        <li key={`${passage.file}:${passage.firstLine}`}>
          <button
            type="button"
            title={`${passage.file}, ${passage.heading}`}
            onClick={() => openPassage(passage)}
            data-testid="citation"
          >
            <span class="number">{index + 1}</span> {fileName(passage.file)}:{linesOf(passage)}
          </button>
        </li>
      ))}
    </ul>
  )

const statusTexts = { waiting: "Waiting for its turn…", answering: "Answering…", answered: "", failed: "" }

/** What was asked for is no mishap. */
const given: Readonly<Record<string, string>> = {
  ActivityCancelled: "Cancelled.",
  ActivitySuperseded: "Stopped.",
  ActivityExpired: "It was too late for an answer."
}

const Failure = ({ failure }: { readonly failure: NonNullable<Turn["failure"]> }) => {
  const text = given[failure._tag]
  return <p class={text === undefined ? "bad" : "place"}>{text ?? failure.message}</p>
}

interface ApprovalProps {
  readonly conversation: Conversation
  readonly approvals: ReadonlyArray<Approval>
}

const ApprovalNeeded = ({ approvals, conversation }: ApprovalProps) => (
  <section class="card approval" data-testid="approval">
    <h2>The language model asks for your leave</h2>
    {approvals.map(({ approvalId, parameters, tool }) => (
      <p key={approvalId}>
        <code>{tool}</code> with <code>{JSON.stringify(parameters)}</code>
      </p>
    ))}
    <div class="actions">
      <button type="button" class="primary" onClick={() => void conversation.decide(true)} data-testid="approve">
        Allow
      </button>
      <button type="button" onClick={() => void conversation.decide(false)} data-testid="reject">
        Refuse
      </button>
    </div>
  </section>
)

interface TurnProps {
  readonly conversation: Conversation
  readonly turn: Turn
  /** The approval that the runtime waits for. */
  readonly parked: string | undefined
}

const TurnView = ({ conversation, parked, turn }: TurnProps) => {
  const isOpen = turn.status === "waiting" || turn.status === "answering"
  const open = (number: number) => {
    const passage = turn.passages[number - 1]
    return passage === undefined ? undefined : () => openPassage(passage)
  }
  return (
    <li class={`turn ${turn.status}`} data-testid="turn" data-status={turn.status}>
      <div class="question">
        <p>{turn.question ?? "A question from elsewhere"}</p>
        {turn.priority !== undefined && turn.priority !== "standard" && (
          <span class={`lane ${turn.priority}`}>{turn.priority}</span>
        )}
      </div>
      <div class="answer">
        {turn.answer !== "" && <Markdown text={turn.answer} cited={open} />}
        {turn.failure !== undefined && <Failure failure={turn.failure} />}
        {isOpen && (
          <p class="progress">
            <span>{turn.doing ?? statusTexts[turn.status]}</span>
            <button
              type="button"
              class="quiet"
              onClick={() => void conversation.cancel(turn.activityId)}
              data-testid="cancel"
            >
              Cancel
            </button>
          </p>
        )}
        {!isOpen && turn.approvals.some(({ approvalId }) => approvalId === parked) && (
          <ApprovalNeeded conversation={conversation} approvals={turn.approvals} />
        )}
        <Citations passages={turn.passages} />
      </div>
    </li>
  )
}

const Composer = ({ conversation }: { readonly conversation: Conversation }) => {
  const question = useSignal("")
  const priority = useSignal<Priority.Priority>("standard")
  const input = useRef<HTMLTextAreaElement>(null)
  // On a phone it would raise the keyboard over what one wants to read.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) input.current?.focus()
  }, [])
  const ask = async () => {
    const asked = question.value.trim()
    if (asked === "") return
    question.value = ""
    if (!(await conversation.ask(asked, priority.value)) && question.value === "") question.value = asked
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void ask()
      }}
    >
      <textarea
        ref={input}
        aria-label="Question"
        placeholder="Ask about the documents"
        rows={2}
        maxLength={4000}
        value={question.value}
        onInput={(event) => (question.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
          event.preventDefault()
          void ask()
        }}
        data-testid="question"
      />
      <div class="controls">
        <select
          aria-label="Priority"
          value={priority.value}
          onChange={(event) => {
            const { value } = event.currentTarget
            if (Priority.isPriority(value)) priority.value = value
          }}
          data-testid="priority"
        >
          {Priority.priorities.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <button type="submit" class="primary" data-testid="ask">
          Ask
        </button>
      </div>
    </form>
  )
}

/** Keeps the end in view while it grows, unless the reader has scrolled up: then what is read stays where it is. */
const useStickToEnd = (turns: ReadonlyArray<Turn>) => {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const height = useRef(0)
  useLayoutEffect(() => {
    const { scrollHeight = 0 } = box.current ?? {}
    box.current?.scrollBy({ top: scrollHeight - height.current })
  }, [turns[0]?.id])
  useLayoutEffect(() => {
    const { scrollHeight = 0 } = box.current ?? {}
    if (isAtEnd.current) box.current?.scrollTo({ top: scrollHeight })
    height.current = scrollHeight
  }, [turns])
  useEffect(() => {
    if (box.current === null) return
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight })
    })
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  const onScroll = () => {
    const { clientHeight = 0, scrollHeight = 0, scrollTop = 0 } = box.current ?? {}
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
  }
  return { box, onScroll }
}

const isConversation = Schema.is(DocsAssistant.state)

const parkedIn = ({ state }: RuntimeInfo): string | undefined =>
  isConversation(state) ? state.parked?.approvals[0]?.approvalId : undefined

export const Talk = ({ conversation, info }: { readonly conversation: Conversation; readonly info: RuntimeInfo }) => {
  const turns = conversation.turns.value
  const parked = parkedIn(info)
  const { box, onScroll } = useStickToEnd(turns)
  return (
    <>
      <div class="turns" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Conversation">
        {conversation.missing.value > 0 ? (
          <Earlier what="questions" onFetch={() => conversation.fetchEarlier()} />
        ) : (
          turns.length === 0 && <p class="empty">Ask something that the documents can answer.</p>
        )}
        <ol>
          {turns.map((turn) => (
            <TurnView key={turn.id} conversation={conversation} turn={turn} parked={parked} />
          ))}
        </ol>
      </div>
      {info.status === "terminated" || info.status === "draining" ? (
        <p class="empty">This conversation has ended.</p>
      ) : (
        <Composer conversation={conversation} />
      )}
    </>
  )
}
