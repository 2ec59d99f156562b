import { RuntimeManager } from "@agent-runtime/core"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { AgentApi } from "../AgentApi.ts"
import { ShuttingDown } from "../ApiError.ts"
import { failure, json } from "./answer.ts"
import { describe } from "./describe.ts"
import { renderDocs } from "./docs.ts"
import { CurrentGate } from "./gate.ts"
import { openApiOf } from "./openApi.ts"
import { runtimeMetrics } from "./runtimeMetrics.ts"

export const agents = HttpApiBuilder.group(
  AgentApi,
  "agents",
  Effect.fnUntraced(function* (handlers) {
    const manager = yield* RuntimeManager.RuntimeManager
    return handlers.handle("agents", () =>
      Effect.map(manager.agents, (agents) => json({ items: agents.map(describe) }))
    )
  })
)

export const server = HttpApiBuilder.group(
  AgentApi,
  "server",
  Effect.fnUntraced(function* (handlers) {
    const manager = yield* RuntimeManager.RuntimeManager
    const gate = yield* CurrentGate
    return handlers
      .handle("metrics", () =>
        Effect.map(Effect.all([PrometheusMetrics.format(), runtimeMetrics(manager, gate)]), (parts) =>
          HttpServerResponse.text(parts.filter((part) => part !== "").join("\n"), {
            contentType: "text/plain; version=0.0.4; charset=utf-8"
          })
        )
      )
      .handle("openapi", () => Effect.map(manager.agents, (agents) => json(openApiOf(agents))))
      .handle("docs", () =>
        Effect.map(manager.agents, (agents) =>
          HttpServerResponse.text(renderDocs(openApiOf(agents)), {
            contentType: "text/html; charset=utf-8",
            headers: { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'" }
          })
        )
      )
  })
)

export const probes = HttpApiBuilder.group(
  AgentApi,
  "probes",
  Effect.fnUntraced(function* (handlers) {
    const gate = yield* CurrentGate
    return handlers
      .handle("healthz", () => Effect.sync(() => json({ status: "ok" })))
      .handle("readyz", () =>
        Effect.sync(() => (gate.closing ? failure(ShuttingDown.of()) : json({ status: "ready" })))
      )
  })
)
