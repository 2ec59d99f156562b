import type { AgentRuntime } from "@agent-runtime/core"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { useSignal } from "@preact/signals"
import { Effect } from "effect"
import { useEffect } from "preact/hooks"
import { anyAgent } from "../Agents.ts"
import * as Api from "../Api.ts"
import * as Commands from "../Commands.ts"

interface Props {
  readonly id: string
  /** How many the runtime says it has: they are fetched again when that changes. */
  readonly count: number
}

export const DeadLetters = ({ count, id }: Props) => {
  const letters = useSignal<ReadonlyArray<AgentRuntime.DeadLetter> | undefined>(undefined)
  const load = () =>
    Api.act(
      Effect.flatMap(AgentApiClient.AgentApiClient, (client) =>
        Effect.map(client.runtime(anyAgent, id).deadLetters, (items) => {
          letters.value = items
        })
      )
    )
  useEffect(() => void load(), [id, count])
  if (letters.value === undefined) return <p class="empty">Loading…</p>
  if (letters.value.length === 0) {
    return <p class="empty">No dead letters. What fails for good, beyond what its type declares, is kept here.</p>
  }
  return (
    <ul class="letters">
      {letters.value.map((letter) => (
        <li key={letter.activityId} class="card" data-testid="dead-letter">
          <div class="line">
            <strong>{letter.type}</strong>
            <span class={`lane ${letter.priority}`}>{letter.priority}</span>
            <span>
              {letter.attempts} {letter.attempts === 1 ? "attempt" : "attempts"}
            </span>
            <time>{new Date(letter.at).toLocaleString()}</time>
          </div>
          <p class="bad">
            {letter.error._tag}: {letter.error.message}
          </p>
          <pre tabIndex={0}>{JSON.stringify(letter.payload, null, 2)}</pre>
          <div class="actions">
            <button
              type="button"
              class="primary"
              onClick={() => void Commands.replay(id, letter.activityId).then(load)}
              data-testid="replay"
            >
              Replay
            </button>
            <button
              type="button"
              class="danger"
              onClick={() => void Commands.discard(id, letter.activityId).then(load)}
              data-testid="discard"
            >
              Discard
            </button>
          </div>
        </li>
      ))}
    </ul>
  )
}
