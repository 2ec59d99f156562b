import { type Agent, AgentRuntimeState, Priority } from "@agent-runtime/schema"
import { Schema } from "effect"
import { DocumentIndex } from "../../../src/agents/DocumentIndex.ts"
import * as Commands from "../Commands.ts"
import { formatMillis } from "../Duration.ts"
import type { Entry } from "../EventLog.ts"
import type { RuntimeInfo } from "../Runtimes.ts"
import { Charts } from "./Charts.tsx"
import { Folder } from "./Folder.tsx"
import { SendForm } from "./SendForm.tsx"

const Lane = ({ lane, name }: { readonly lane: AgentRuntimeState.Lane; readonly name: Priority.Priority }) => (
  <li data-testid={`lane-${name}`}>
    <span class={`lane ${name}`}>{name}</span>
    <meter min={0} max={lane.capacity} value={lane.size} aria-label={`${name} lane`} />
    <span class="depth">
      <strong>{lane.size}</strong> of {lane.capacity}
    </span>
    <span class="oldest">
      {lane.oldestWaitMillis === undefined ? "" : `oldest waits ${formatMillis(lane.oldestWaitMillis)}`}
    </span>
  </li>
)

const figures = ({ epoch, metrics, sequence }: RuntimeInfo): ReadonlyArray<readonly [string, string]> => {
  const failed = Object.values(metrics.failed).reduce((sum, count) => sum + count, 0)
  return [
    ["processed", `${metrics.processed}`],
    ["failed", `${failed}`],
    ["in flight", `${metrics.inFlight}`],
    ["delayed", `${metrics.delayed}`],
    ["retried", `${metrics.retried}`],
    ["cancelled", `${metrics.cancelled}`],
    ["superseded", `${metrics.superseded}`],
    ["expired", `${metrics.expired}`],
    ["restarts", `${metrics.restarts}`],
    ["mean wait", formatMillis(metrics.meanQueueWaitMillis)],
    ["mean run", formatMillis(metrics.meanProcessingMillis)],
    ["sequence", `${sequence}`],
    ["epoch", `${epoch}`]
  ]
}

const LastError = ({ error }: { readonly error: AgentRuntimeState.LastError }) => (
  <section class="card">
    <h2>Last error</h2>
    <p class="bad">
      {error.type}: {error.error._tag}: {error.error.message}
    </p>
    <p class="place">{new Date(error.at).toLocaleString()}</p>
  </section>
)

interface Props {
  readonly info: RuntimeInfo
  readonly agent: Agent.Any | undefined
  readonly entries: ReadonlyArray<Entry>
}

const isFolderState = Schema.is(DocumentIndex.state)

export const Overview = ({ agent, entries, info }: Props) => (
  <div class="cards">
    {info.agent === DocumentIndex.name && isFolderState(info.state) && (
      <Folder
        state={info.state}
        entries={entries}
        onIndex={() => void Commands.send(info.id, { type: "Index", payload: undefined, priority: undefined })}
      />
    )}
    <section class="card">
      <h2>Lanes</h2>
      <ul class="lanes">
        {Priority.priorities.map((name) => (
          <Lane key={name} name={name} lane={info.mailbox.lanes[name]} />
        ))}
      </ul>
    </section>
    <Charts id={info.id} />
    <section class="card">
      <h2>Figures</h2>
      <dl class="figures">
        {figures(info).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
    {info.lastError !== undefined && <LastError error={info.lastError} />}
    {agent !== undefined && info.status !== "terminated" && <SendForm id={info.id} agent={agent} />}
    <section class="card wide">
      <details>
        <summary>
          <h2>State</h2>
        </summary>
        <pre tabIndex={0}>{JSON.stringify(info.state, null, 2)}</pre>
      </details>
    </section>
  </div>
)
