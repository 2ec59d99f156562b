import { AgentError, AgentRuntimeId } from "@agent-runtime/schema"
import { Effect } from "effect"
import type { ListOptions, Page } from "../RuntimeManager.ts"
import type { Durable } from "./durable.ts"
import type { Entry } from "./entry.ts"
import type { Host } from "./host.ts"

/** A page of the runtimes of this process, in memory or asleep in its store, by id in ascending order. */
export const list = (
  entries: ReadonlyMap<string, Entry>,
  durable: Durable | undefined,
  hostOf: (agent: string) => Host | undefined,
  options: ListOptions
): Effect.Effect<Page, AgentError.RequestInvalid | AgentError.StoreUnavailable> => {
  const { agent, cursor, limit = 100, prefix, status } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    return Effect.fail(new AgentError.RequestInvalid({ path: ["limit"], message: `limit is 1 to 1000, got ${limit}` }))
  }
  if (cursor !== undefined && !AgentRuntimeId.isAgentRuntimeId(cursor)) {
    return Effect.fail(
      new AgentError.RequestInvalid({ path: ["cursor"], message: "A cursor is the nextCursor of a page" })
    )
  }
  const matches = (info: { readonly id: string; readonly agent: string; readonly status: string }): boolean =>
    info.id > (cursor ?? "") &&
    info.id.startsWith(prefix ?? "") &&
    (agent === undefined || info.agent === agent) &&
    (status === undefined || info.status === status)
  // As with an info: what a status tells of has reached the subscribers, who read it as they are let go.
  for (const entry of entries.values()) entry.flush()
  const here = Array.from(entries.values()).filter((entry) =>
    matches({ id: entry.id, agent: entry.agent.name, status: entry.status })
  )
  const page = (all: Array<Pick<Entry, "id" | "info">>): Page => {
    all.sort((a, b) => (a.id < b.id ? -1 : 1))
    const items = all.slice(0, limit).map(({ info }) => info)
    return all.length > limit ? { items, nextCursor: items[limit - 1]!.id } : { items }
  }
  // What is not in memory neither runs nor drains.
  const isHere = status === "processing" || status === "draining"
  // Nor is what nobody here runs told of.
  const isUnknown = agent !== undefined && hostOf(agent) === undefined
  if (durable === undefined || isHere || isUnknown) return Effect.succeed(page(here))
  // One that comes into memory or leaves it while the store is read is told of once.
  const ids = new Set(entries.keys())
  const asleep = durable.sleeping(
    { agent, after: cursor, limit: limit + 1 },
    hostOf,
    (info) => !ids.has(info.id) && matches(info)
  )
  return Effect.map(asleep, (infos) => page([...here, ...infos.map((info) => ({ id: info.id, info }))]))
}
