import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { render } from "preact"
import { signal } from "@preact/signals"
import { DocsAssistant } from "../../src/agents/DocsAssistant.ts"
import { Effect, ManagedRuntime, Stream } from "effect"
const s = signal("")
const p = Effect.gen(function*(){ const c = yield* AgentApiClient.AgentApiClient; const r = c.runtime(DocsAssistant,"x"); yield* Stream.runForEach(r.subscribe(), (e)=>Effect.sync(()=>{s.value=e._tag})); })
ManagedRuntime.make(AgentApiClient.layer({baseUrl:""})).runFork(p)
render(<p>{s}</p>, document.getElementById("app")!)
