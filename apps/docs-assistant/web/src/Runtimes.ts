/**
 * The runtimes of the server, looked at every second while the page is seen, and at once when something has happened.
 *
 * One event stream and these short requests are all that a page keeps open: browsers allow only a few connections to one
 * server, over all their tabs.
 */
import type { AgentRuntimeState } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { batch, computed, signal } from "@preact/signals"
import { Effect, Exit, Latch } from "effect"
import { anyAgent } from "./Agents.ts"
import * as Api from "./Api.ts"
import { route } from "./Route.ts"
import * as Samples from "./Samples.ts"

export type RuntimeInfo = AgentRuntimeState.RuntimeInfo

const pageSize = 50
const shown = signal(pageSize)

export const runtimes = signal<ReadonlyArray<RuntimeInfo> | undefined>(undefined)
export const hasMore = signal(false)
export const showMore = (): void => {
  shown.value += pageSize
  look()
}

const elsewhere = signal<RuntimeInfo | undefined>(undefined)

/** The runtime that is looked at, or `undefined` while it is not known. */
export const selected = computed(() => {
  const { id } = route.value
  return runtimes.value?.find((info) => info.id === id) ?? (elsewhere.value?.id === id ? elsewhere.value : undefined)
})

const happened = Latch.makeUnsafe(false)

/** Looks again now. */
export const look = (): void => {
  happened.openUnsafe()
}

const list = Effect.gen(function* () {
  const client = yield* AgentApiClient.AgentApiClient
  const items: Array<RuntimeInfo> = []
  let cursor: string | undefined
  do {
    const page = yield* client.list({ cursor, limit: Math.min(1000, shown.value - items.length) })
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined && items.length < shown.value)
  return { items, hasMore: cursor !== undefined }
})

/** One that is selected and not in the list. */
const find = Effect.fnUntraced(function* (id: string) {
  const client = yield* AgentApiClient.AgentApiClient
  const { info } = client.runtime(anyAgent, id)
  return yield* Effect.catchTags(info, {
    AgentRuntimeNotFound: () => Exit.succeed(undefined),
    RuntimeIdInvalid: () => Exit.succeed(undefined)
  })
})

const lookOnce = Effect.gen(function* () {
  const { hasMore: more, items } = yield* list
  const { id } = route.value
  const other = id === undefined || items.some((info) => info.id === id) ? undefined : yield* find(id)
  const now = performance.now() / 1000
  batch(() => {
    runtimes.value = items
    hasMore.value = more
    elsewhere.value = other
    Samples.record(other === undefined ? items : [...items, other], now)
  })
})

const isSeen = () => document.visibilityState === "visible"
document.addEventListener("visibilitychange", look)

/** Looks for as long as the page is there. A server that cannot be reached is tried again; the connection state says so. */
export const watch = Effect.gen(function* () {
  while (true) {
    happened.closeUnsafe()
    if (isSeen()) {
      yield* Effect.catch(lookOnce, (error) =>
        Effect.sync(() => {
          if (error._tag !== "ApiUnavailable") Api.report(error)
        })
      )
    }
    // However much happens: a few looks a second are enough for anyone's eyes.
    yield* Effect.sleep("300 millis")
    yield* Effect.raceFirst(happened.await, Effect.sleep("700 millis"))
  }
})
