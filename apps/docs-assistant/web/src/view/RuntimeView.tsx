import { useEffect, useRef } from "preact/hooks"
import { DocsAssistant } from "../../../src/agents/DocsAssistant.ts"
import * as Commands from "../Commands.ts"
import { format, go, route, type Tab } from "../Route.ts"
import { type RuntimeInfo, runtimes, selected } from "../Runtimes.ts"
import { selection } from "../Selection.ts"
import { titleOf } from "../Title.ts"
import { DeadLetters } from "./DeadLetters.tsx"
import { Events } from "./Events.tsx"
import { Overview } from "./Overview.tsx"
import { StatusPill } from "./StatusPill.tsx"
import { Subscribers } from "./Subscribers.tsx"
import { Talk } from "./Talk.tsx"

const Actions = ({ info: { id, status } }: { readonly info: RuntimeInfo }) => {
  if (status === "terminated") {
    return (
      <div class="actions">
        <button
          type="button"
          onClick={async () => {
            if (await Commands.purge(id)) go(undefined)
          }}
        >
          Remove
        </button>
      </div>
    )
  }
  return (
    <div class="actions">
      {status === "paused" ? (
        <button type="button" onClick={() => void Commands.resume(id)} data-testid="resume">
          Resume
        </button>
      ) : (
        <button type="button" onClick={() => void Commands.pause(id)} data-testid="pause">
          Pause
        </button>
      )}
      <button
        type="button"
        class="danger"
        onClick={() => {
          if (confirm(`End ${id}? What runs is interrupted, what waits is dropped.`)) void Commands.terminate(id)
        }}
        data-testid="terminate"
      >
        Terminate
      </button>
    </div>
  )
}

const Tabs = ({ info, tab }: { readonly info: RuntimeInfo; readonly tab: Tab }) => {
  const bar = useRef<HTMLElement>(null)
  // On a phone the bar is wider than the screen.
  useEffect(() => {
    bar.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" })
  }, [tab])
  const link = (name: Tab, text: string, count?: number) => (
    <a href={format(info.id, name)} aria-current={tab === name ? "page" : undefined} data-testid={`tab-${name}`}>
      {text}
      {count !== undefined && count > 0 && <span class="count">{count}</span>}
    </a>
  )
  return (
    <nav ref={bar} class="tabs" aria-label="Views of this runtime">
      {info.agent === DocsAssistant.name && link("talk", "Conversation")}
      {link("overview", "Overview")}
      {link("events", "Events")}
      {link("dead-letters", "Dead letters", info.metrics.deadLetters)}
      {link("subscribers", "Subscribers", info.subscribers.length)}
    </nav>
  )
}

const View = ({ info, tab }: { readonly info: RuntimeInfo; readonly tab: Tab }) => {
  const current = selection.value
  switch (tab) {
    case "talk":
      return current?.conversation === undefined ? null : <Talk conversation={current.conversation} info={info} />
    case "overview":
      return <Overview info={info} agent={current?.agent} entries={current?.entries.value ?? []} />
    case "events":
      return current === undefined ? null : <Events selection={current} />
    case "dead-letters":
      return <DeadLetters id={info.id} count={info.metrics.deadLetters} />
    case "subscribers":
      return <Subscribers subscribers={info.subscribers} />
  }
}

export const RuntimeView = ({ id }: { readonly id: string }) => {
  const info = selected.value
  if (info === undefined) {
    return <p class="empty">{runtimes.value === undefined ? "Loading…" : `There is no runtime ${id}.`}</p>
  }
  const tab = route.value.tab ?? (info.agent === DocsAssistant.name ? "talk" : "overview")
  return (
    <article class="runtime">
      <header>
        <a class="back" href="#/">
          ‹ All<span class="hidden"> runtimes</span>
        </a>
        <div class="title">
          <div>
            <h1>{titleOf(info)}</h1>
            <p class="place">{info.id}</p>
          </div>
          <StatusPill status={info.status} />
        </div>
        <Actions info={info} />
      </header>
      <Tabs info={info} tab={tab} />
      <div class={`view at-${tab}`} key={`${info.id}/${tab}`}>
        <View info={info} tab={tab} />
      </div>
    </article>
  )
}
