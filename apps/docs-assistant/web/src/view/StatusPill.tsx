import type { AgentRuntimeState } from "@agent-runtime/schema"

export const StatusPill = ({ status }: { readonly status: AgentRuntimeState.Status }) => (
  <span class={`pill ${status}`} data-testid="status">
    {status}
  </span>
)
