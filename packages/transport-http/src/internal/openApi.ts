import type { Agent } from "@agent-runtime/schema"
import { OpenApi } from "effect/http-api"
import { AgentApi } from "../AgentApi.ts"

/** This API in OpenAPI 3.1. */
export const openApiOf = (_agents: ReadonlyArray<Agent.Any>): Record<string, unknown> => ({
  ...OpenApi.fromApi(AgentApi)
})
