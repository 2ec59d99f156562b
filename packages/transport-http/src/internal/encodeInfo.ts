import type { Agent, AgentRuntimeState } from "@agent-runtime/schema"
import { encoder, infoToJson, jsonOf } from "./answer.ts"

const encoders = new WeakMap<Agent.Any, (info: AgentRuntimeState.RuntimeInfo) => unknown>()

/** A runtime's info in JSON, its state by the agent's schema. */
export const encodeInfo = (agent: Agent.Any | undefined, info: AgentRuntimeState.RuntimeInfo): unknown => {
  if (agent === undefined) return infoToJson(info, jsonOf(info.state))
  let encode = encoders.get(agent)
  if (encode === undefined) {
    const toJson = encoder(agent.state)
    encode = (info) => infoToJson(info, toJson(info.state))
    encoders.set(agent, encode)
  }
  return encode(info)
}
