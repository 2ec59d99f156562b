import { useSignal } from "@preact/signals"
import { DocsAssistant } from "../../../src/agents/DocsAssistant.ts"
import { DocumentIndex } from "../../../src/agents/DocumentIndex.ts"
import * as Commands from "../Commands.ts"
import { format, go, route } from "../Route.ts"
import { hasMore, type RuntimeInfo, runtimes, showMore } from "../Runtimes.ts"
import { titleOf } from "../Title.ts"
import { StatusPill } from "./StatusPill.tsx"

const groups: Readonly<Record<string, string>> = {
  [DocsAssistant.name]: "Conversations",
  [DocumentIndex.name]: "Folders"
}

const statuses = ["idle", "processing", "paused", "error", "draining", "terminated"] as const

const waitingIn = (info: RuntimeInfo): number =>
  Object.values(info.mailbox.lanes).reduce((sum, lane) => sum + lane.size, 0)

const Row = ({ info }: { readonly info: RuntimeInfo }) => {
  const waiting = waitingIn(info)
  return (
    <li>
      <a href={format(info.id)} aria-current={route.value.id === info.id ? "page" : undefined} data-testid="runtime">
        <span class="name">{titleOf(info)}</span>
        <span class="facts">
          <StatusPill status={info.status} />
          <span>{info.sequence} done</span>
          {waiting > 0 && <span>{waiting} waiting</span>}
          {info.metrics.deadLetters > 0 && <span class="bad">{info.metrics.deadLetters} dead</span>}
        </span>
      </a>
    </li>
  )
}

export const startConversation = async (): Promise<void> => {
  const id = await Commands.startConversation()
  if (id !== undefined) go(id, "talk")
}

export const RuntimeList = () => {
  const search = useSignal("")
  const status = useSignal("")
  const all = runtimes.value
  const found = (all ?? []).filter(
    (info) =>
      `${info.id} ${titleOf(info)}`.toLowerCase().includes(search.value.trim().toLowerCase()) &&
      (status.value === "" || info.status === status.value)
  )
  const agents = Array.from(new Set(found.map((info) => info.agent))).sort()
  return (
    <nav class="list" aria-label="Runtimes">
      <button type="button" class="primary" onClick={() => void startConversation()} data-testid="new">
        New conversation
      </button>
      <div class="filters">
        <input
          type="search"
          aria-label="Find a runtime by its name"
          placeholder="Find…"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <select
          aria-label="Status"
          value={status.value}
          onChange={(event) => (status.value = event.currentTarget.value)}
        >
          <option value="">Any status</option>
          {statuses.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      {all === undefined && <p class="empty">Loading…</p>}
      {all !== undefined && found.length === 0 && <p class="empty">No runtimes.</p>}
      {agents.map((agent) => (
        <section key={agent}>
          <h2>{groups[agent] ?? agent}</h2>
          <ul>
            {found
              .filter((info) => info.agent === agent)
              .map((info) => (
                <Row key={info.id} info={info} />
              ))}
          </ul>
        </section>
      ))}
      {hasMore.value && (
        <button type="button" onClick={showMore}>
          Show more
        </button>
      )}
    </nav>
  )
}
