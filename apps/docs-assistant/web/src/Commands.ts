/**
 * What can be done to runtimes, whatever their agent.
 */
import type { Priority } from "@agent-runtime/schema"
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { Effect } from "effect"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { anyAgent } from "./Agents.ts"
import * as Api from "./Api.ts"
import { look } from "./Runtimes.ts"

type Remote = AgentApiClient.RemoteRuntime<typeof anyAgent>

const on = async <A, E>(id: string, command: (runtime: Remote) => Effect.Effect<A, E>): Promise<boolean> => {
  const isDone = await Api.act(
    Effect.flatMap(AgentApiClient.AgentApiClient, (client) => command(client.runtime(anyAgent, id)))
  )
  look()
  return isDone
}

export const pause = (id: string) => on(id, (runtime) => runtime.pause)
export const resume = (id: string) => on(id, (runtime) => runtime.resume)
export const terminate = (id: string) => on(id, (runtime) => runtime.terminate({ mode: "immediate" }))
export const purge = (id: string) => on(id, (runtime) => runtime.purge)
export const replay = (id: string, activityId: string) => on(id, (runtime) => runtime.replay(activityId))
export const discard = (id: string, activityId: string) => on(id, (runtime) => runtime.discard(activityId))

/** Begins a conversation and answers its id: the server's choice, for it knows which ids one may have. */
export const startConversation = async (): Promise<string | undefined> => {
  let id: string | undefined
  await Api.act(
    Effect.flatMap(AgentApiClient.AgentApiClient, (client) =>
      Effect.map(client.create(DocsAssistant), (runtime) => {
        id = runtime.id
      })
    )
  )
  look()
  return id
}

export interface Sending {
  readonly type: string
  readonly payload: unknown
  readonly priority: Priority.Priority | undefined
}

/** Sends any activity; the server judges it. */
export const send = (id: string, { payload, priority, type }: Sending) =>
  on(id, (runtime) => runtime.send({ type, payload }, { id: Api.randomName(12), priority }))
