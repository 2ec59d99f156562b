/**
 * How a conversation goes: who answers is the answerer's matter, what is remembered this one's.
 */
import { Workflow } from "@agent-runtime/core"
import { Effect, Stream } from "effect"
import { type Answered, Answerer } from "../answering/Answerer.ts"
import type { Conversation } from "../answering/Conversation.ts"
import { DocumentLibrary } from "../library/DocumentLibrary.ts"
import { DocumentSources } from "../library/DocumentSources.ts"
import { DocsAssistant, NothingParked, Summarize } from "./DocsAssistant.ts"

/**
 * A conversation remembers this many turns as they were said; past that they are put in short.
 */
const maxTurns = 20

/**
 * So many of the last turns a summary leaves as they are.
 */
const keptTurns = 8

/**
 * Whoever asks on gets answers first.
 */
const summaryDelay = "30 seconds"

/**
 * Should the summary never get its turn, the oldest turns go.
 */
const mostTurns = 50

/**
 * Indexing that keeps a question waiting is given up after this time: an answer from part of the documents is better than none.
 */
const patience = "10 seconds"

/**
 * Waits for what has never been indexed, for a question that comes right after the start. A bad folder is told by `Index`.
 */
const ensureIndexed = Effect.gen(function* () {
  const library = yield* DocumentLibrary
  for (const source of yield* DocumentSources) {
    if (!(yield* library.isIndexed(source.folder))) yield* Effect.ignore(Stream.runDrain(library.index(source)))
  }
})

/**
 * Remembers an answer, or parks it.
 */
const settle = Effect.fnUntraced(function* (
  question: string,
  { parked, passages, text }: Answered,
  { conversation, parked: _parked, ...state }: Conversation,
  context: Workflow.WorkflowContext<typeof DocsAssistant>
) {
  if (parked !== undefined) {
    const answer = { answer: text, passages, approvals: parked.approvals }
    return yield* Workflow.reply({ ...state, conversation, parked }, answer)
  }
  const places = passages.map(({ file, firstLine }) => `${file}:${firstLine}`)
  const turns = [...conversation, { question, answer: text, places }].slice(-mostTurns)
  if (turns.length > maxTurns) yield* Effect.orDie(context.schedule(Summarize.make(), summaryDelay))
  return yield* Workflow.reply({ ...state, conversation: turns }, { answer: text, passages })
})

const decide = (approved: boolean) =>
  Effect.fnUntraced(function* (
    _: unknown,
    state: Conversation,
    context: Workflow.WorkflowContext<typeof DocsAssistant>
  ) {
    const { parked } = state
    if (parked === undefined) return yield* NothingParked.of()
    const answerer = yield* Answerer
    const answered = yield* answerer.resume(parked, approved, (event) => context.emit(event))
    return yield* settle(parked.question, answered, state, context)
  })

/**
 * Registers the workflow of `DocsAssistant`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Workflow.layer(DocsAssistant, {
  Ask: Effect.fnUntraced(function* ({ payload: { limit = 8, question } }, state, context) {
    const answerer = yield* Answerer
    yield* Effect.timeoutOption(ensureIndexed, patience)
    const answered = yield* answerer.answer({ question, limit, before: state }, (event) => context.emit(event))
    return yield* settle(question, answered, state, context)
  }),

  Approve: decide(true),

  Reject: decide(false),

  // The runtime has stopped what was running before it starts this one: what is left to stop is an answer that waits.
  Cancel: (_, { parked: _parked, ...state }) => Effect.succeed(state),

  Forget: () => Effect.succeed(DocsAssistant.initialState),

  Summarize: Effect.fnUntraced(function* (_, state) {
    const turns = state.conversation.slice(0, -keptTurns)
    if (turns.length === 0) return state
    const answerer = yield* Answerer
    const summary = yield* answerer.summarize(state.summary, turns)
    return { ...state, summary, conversation: state.conversation.slice(turns.length) }
  })
})
