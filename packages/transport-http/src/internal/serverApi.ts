import { RuntimeManager } from "@agent-runtime/core"
import type { Agent } from "@agent-runtime/schema"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { Agents, Probes, Server } from "../AgentApi.ts"
import { failure, json } from "./answer.ts"
import { describe } from "./describe.ts"
import { renderDocs } from "./docs.ts"
import { CurrentGate, shuttingDown } from "./gate.ts"
import { openApiOf } from "./openApi.ts"
import type { Handlers } from "./routes.ts"
import { runtimeMetrics } from "./runtimeMetrics.ts"

/** An answer that depends on the agents alone, kept until there are others: each takes milliseconds to make. */
const kept = (make: (agents: ReadonlyArray<Agent.Any>) => HttpServerResponse.HttpServerResponse) =>
  Effect.map(RuntimeManager.RuntimeManager, (manager) => {
    let of: ReadonlyArray<Agent.Any> = []
    let answer = make(of)
    return () =>
      Effect.map(manager.agents, (agents) => {
        if (agents.length !== of.length || agents.some((agent, i) => agent !== of[i])) {
          of = Array.from(agents)
          answer = make(of)
        }
        return answer
      })
  })

export const agents = Effect.gen(function* () {
  return {
    agents: yield* kept((agents) => json({ items: agents.map(describe) }))
  } satisfies Handlers<typeof Agents>
})

export const server = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  const gate = yield* CurrentGate
  return {
    metrics: () =>
      Effect.map(Effect.all([PrometheusMetrics.format(), runtimeMetrics(manager, gate)]), (parts) =>
        HttpServerResponse.text(parts.filter((part) => part !== "").join("\n"), {
          contentType: "text/plain; version=0.0.4; charset=utf-8"
        })
      ),
    openapi: yield* kept((agents) => json(openApiOf(agents))),
    docs: yield* kept((agents) =>
      HttpServerResponse.text(renderDocs(openApiOf(agents)), {
        contentType: "text/html; charset=utf-8",
        headers: { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'" }
      })
    )
  } satisfies Handlers<typeof Server>
})

export const probes = Effect.gen(function* () {
  const gate = yield* CurrentGate
  return {
    healthz: () => Effect.sync(() => json({ status: "ok" })),
    readyz: () => Effect.sync(() => (gate.closing ? failure(shuttingDown()) : json({ status: "ready" })))
  } satisfies Handlers<typeof Probes>
})
