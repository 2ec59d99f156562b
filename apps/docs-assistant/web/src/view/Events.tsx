import { Priority } from "@agent-runtime/schema"
import { useSignal } from "@preact/signals"
import { type EventFilter, everything, isWanted, outcomes } from "../EventFilter.ts"
import type { Entry } from "../EventLog.ts"
import { pageSize } from "../Past.ts"
import type { Selection } from "../Selection.ts"
import { Earlier } from "./Earlier.tsx"

const json = (value: unknown): string => JSON.stringify(value, null, 2) ?? ""

const time = (at: number) => {
  const date = new Date(at)
  return (
    <time dateTime={date.toISOString()}>
      {date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}
    </time>
  )
}

interface RowProps {
  readonly sequence: string
  readonly outcome: string
  readonly type: string
  readonly priority?: Priority.Priority
  readonly at?: number
  readonly note: string
  readonly details: unknown
}

const Row = ({ at, details, note, outcome, priority, sequence, type }: RowProps) => (
  <li data-testid="event" data-outcome={outcome}>
    <details>
      <summary>
        <span class="sequence">{sequence}</span>
        <span class={`outcome ${outcome.toLowerCase()}`}>{outcome}</span>
        <span class="type">{type}</span>
        {priority !== undefined && <span class={`lane ${priority}`}>{priority}</span>}
        <span class="note">{note}</span>
        {at !== undefined && time(at)}
      </summary>
      <pre tabIndex={0}>{json(details)}</pre>
    </details>
  </li>
)

const short = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "")
  return text === "{}" || text === "null" ? "" : text.slice(0, 120)
}

const EntryRow = ({ entry }: { readonly entry: Entry }) => {
  switch (entry._tag) {
    case "Processed":
    case "Failed": {
      const { _tag, activityId, at, attempts, payload, priority, sequence, type } = entry
      const ending = entry._tag === "Failed" ? { error: entry.error } : { reply: entry.reply }
      const note = entry._tag === "Failed" ? `${entry.error._tag}: ${entry.error.message}` : short(entry.payload)
      return (
        <Row
          sequence={`${sequence}`}
          outcome={_tag}
          type={type}
          priority={priority}
          at={at}
          note={note}
          details={{ activityId, attempts, payload, ...ending }}
        />
      )
    }
    case "Emissions": {
      const { count, values } = entry
      return (
        <Row
          sequence=""
          outcome="Emitted"
          type={entry.first.type}
          at={entry.last.at}
          note={`${count} ${count === 1 ? "value" : "values"}: ${short(entry.last.value)}`}
          details={{ activityId: entry.first.activityId, attempt: entry.first.attempt, count, values }}
        />
      )
    }
    case "Gap":
      return (
        <Row
          sequence={`${entry.from}–${entry.to}`}
          outcome="Gap"
          type=""
          note={`${entry.missed} events are lost`}
          details={{ missed: entry.missed, from: entry.from, to: entry.to }}
        />
      )
    case "End":
      return <Row sequence="" outcome="End" type="" note={entry.reason} details={{ reason: entry.reason }} />
  }
}

interface SelectProps {
  readonly label: string
  readonly value: string
  readonly options: ReadonlyArray<string>
  readonly onPick: (value: string) => void
}

const Select = ({ label, onPick, options, value }: SelectProps) => (
  <label>
    {label}
    <select
      value={value}
      onChange={(event) => onPick(event.currentTarget.value)}
      data-testid={`filter-${label.toLowerCase()}`}
    >
      <option value="">all</option>
      {options.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  </label>
)

export const Events = ({ selection }: { readonly selection: Selection }) => {
  const { agent } = selection
  const entries = selection.entries.value
  const shown = useSignal(pageSize)
  const filter = useSignal<EventFilter>(everything)
  const wanted = entries.filter((entry) => isWanted(entry, filter.value))
  const types = agent.activities.map((type) => type.name)
  const showEarlier = async () => {
    if (wanted.length <= shown.value && !(await selection.fetchEarlier())) return
    shown.value += pageSize
  }
  return (
    <>
      <div class="filters" role="group" aria-label="Filters">
        <Select
          label="Type"
          value={filter.value.type}
          options={types}
          onPick={(type) => (filter.value = { ...filter.value, type })}
        />
        <Select
          label="Priority"
          value={filter.value.priority}
          options={Priority.priorities}
          onPick={(priority) =>
            (filter.value = { ...filter.value, priority: Priority.isPriority(priority) ? priority : "" })
          }
        />
        <Select
          label="Outcome"
          value={filter.value.outcome}
          options={outcomes}
          onPick={(name) => {
            const outcome = outcomes.find((outcome) => outcome === name) ?? ""
            filter.value = { ...filter.value, outcome }
          }}
        />
        <span class="total">
          {wanted.length} of {entries.length}
        </span>
      </div>
      {wanted.length === 0 && <p class="empty">No events yet.</p>}
      <ol class="events" data-testid="events">
        {wanted
          .slice(-shown.value)
          .toReversed()
          .map((entry) => (
            <EntryRow key={entry.key} entry={entry} />
          ))}
      </ol>
      {(wanted.length > shown.value || selection.missing.value > 0) && <Earlier what="events" onFetch={showEarlier} />}
    </>
  )
}
