import type { AgentRuntimeState } from "@agent-runtime/schema"

interface Props {
  readonly subscribers: ReadonlyArray<AgentRuntimeState.Subscriber>
}

export const Subscribers = ({ subscribers }: Props) =>
  subscribers.length === 0 ? (
    <p class="empty">Nobody listens to this runtime.</p>
  ) : (
    <div class="scroll" tabIndex={0} role="region" aria-label="Subscribers">
      <table data-testid="subscribers">
        <thead>
          <tr>
            <th scope="col">Subscriber</th>
            <th scope="col">Lag</th>
            <th scope="col">Delivered</th>
            <th scope="col">Filtered</th>
            <th scope="col">Dropped</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {subscribers.map((one) => (
            <tr key={one.id}>
              <th scope="row">{one.name ?? `#${one.id}`}</th>
              <td class={one.lag > 0 ? "warn" : ""}>{one.lag}</td>
              <td>{one.delivered}</td>
              <td>{one.filtered}</td>
              <td class={one.dropped > 0 ? "bad" : ""}>{one.dropped}</td>
              <td>{new Date(one.connectedAt).toLocaleTimeString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
