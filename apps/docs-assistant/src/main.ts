// The assistant as a server: nothing but layers. Each service is made once, and is closed after what uses it.
import { RuntimeManager } from "@agent-runtime/core"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import * as DocsAssistantWorkflow from "./agents/DocsAssistantWorkflow.ts"
import * as DocumentIndexWorkflow from "./agents/DocumentIndexWorkflow.ts"
import * as ChosenAnswerer from "./answering/ChosenAnswerer.ts"
import * as DataFile from "./DataFile.ts"
import * as Greeting from "./Greeting.ts"
import * as Indexing from "./Indexing.ts"
import * as IndexFile from "./library/IndexFile.ts"
import { DocumentSources } from "./library/DocumentSources.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings.ts"
import * as Telemetry from "./Telemetry.ts"

const sources = Layer.effect(
  DocumentSources,
  Effect.map(Settings.Settings, ({ folders }) => folders)
)

const library = Layer.unwrap(Effect.map(Settings.Settings, ({ data }) => IndexFile.layer(`${data}.index`)))

// The data file first: until this process has it, what lies beside it is another's.
const runtimes = Layer.merge(DocsAssistantWorkflow.layer, DocumentIndexWorkflow.layer).pipe(
  Layer.provideMerge(ChosenAnswerer.layer),
  Layer.provide(library),
  Layer.provideMerge(RuntimeManager.layerDurable.pipe(Layer.provide(DataFile.layer)))
)

const assistant = Indexing.layer.pipe(
  Layer.provideMerge(Greeting.layer),
  Layer.provideMerge(Server.layer),
  Layer.provide(runtimes),
  Layer.provide(sources),
  Layer.provide(Settings.layer(process.argv.slice(2))),
  Layer.provide(NodeServices.layer),
  Layer.provide(Telemetry.layer)
)

NodeAgentApiServer.run(assistant, Effect.void)
