import { RuntimeManager } from "@agent-runtime/core"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { Agents, Probes, Server } from "../AgentApi.ts"
import { ShuttingDown } from "../ApiError.ts"
import { failure, json } from "./answer.ts"
import { describe } from "./describe.ts"
import { renderDocs } from "./docs.ts"
import { CurrentGate } from "./gate.ts"
import { openApiOf } from "./openApi.ts"
import type { Handlers } from "./routes.ts"
import { runtimeMetrics } from "./runtimeMetrics.ts"

export const agents = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  return {
    agents: () => Effect.map(manager.agents, (agents) => json({ items: agents.map(describe) }))
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
    openapi: () => Effect.map(manager.agents, (agents) => json(openApiOf(agents))),
    docs: () =>
      Effect.map(manager.agents, (agents) =>
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
    readyz: () => Effect.sync(() => (gate.closing ? failure(ShuttingDown.of()) : json({ status: "ready" })))
  } satisfies Handlers<typeof Probes>
})
