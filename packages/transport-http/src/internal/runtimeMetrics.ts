import { AgentRuntimeState } from "@agent-runtime/schema"
import type { RuntimeManager } from "@agent-runtime/core"
import { Effect } from "effect"
import type { Gate } from "./gate.ts"

/** The most runtimes that are counted for one scrape. */
const most = 100_000

const escape = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))

/**
 * Runtimes by agent and status, and what the server has open. The number of series is bounded by the number of agents:
 * no runtime's id is a label.
 */
export const runtimeMetrics = (manager: RuntimeManager.RuntimeManager["Service"], gate: Gate): Effect.Effect<string> =>
  Effect.gen(function* () {
    const counts = new Map<string, number>()
    const agents = yield* manager.agents
    for (const { name } of agents) {
      for (const status of AgentRuntimeState.Status.literals) counts.set(`${name}\n${status}`, 0)
    }
    let cursor: string | undefined
    let seen = 0
    do {
      const page: RuntimeManager.Page = yield* manager.list({ cursor, limit: 1000 })
      for (const { agent, status } of page.items) {
        const key = `${agent}\n${status}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      seen += page.items.length
      cursor = page.nextCursor
    } while (cursor !== undefined && seen < most)
    const lines = [
      "# HELP agent_runtimes Agent runtimes by agent and status.",
      "# TYPE agent_runtimes gauge",
      ...Array.from(counts, ([key, count]) => {
        const [agent = "", status = ""] = key.split("\n")
        return `agent_runtimes{agent="${escape(agent)}",status="${status}"} ${count}`
      }),
      "# HELP agent_http_streams Event streams that are open.",
      "# TYPE agent_http_streams gauge",
      `agent_http_streams ${gate.streams.size}`,
      "# HELP agent_http_requests Requests in progress.",
      "# TYPE agent_http_requests gauge",
      `agent_http_requests ${gate.requests}`
    ]
    return `${lines.join("\n")}\n`
    // The scrape says what it can while the store is away.
  }).pipe(Effect.catch(() => Effect.succeed("")))
