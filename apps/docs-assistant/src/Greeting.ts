/**
 * Tells whoever started the assistant where it is and what to try.
 */
import { Console, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { Answerer } from "./answering/Answerer.ts"
import { DocumentSources } from "./library/DocumentSources.ts"

const greeting = (url: string, folders: ReadonlyArray<string>, name: string): string => `\
Answering questions about ${folders.join(" and ")} at ${url}
Answers come from ${name}.

Try, in another terminal:

  curl ${url}/v1/runtimes -H 'content-type: application/json' -d '{"agent":"DocsAssistant","id":"talk"}'
  curl '${url}/v1/runtimes/talk/activities?wait=30s' -H 'content-type: application/json' \\
    -d '{"type":"Ask","payload":{"question":"How do I bound a queue?"}}'

The whole API: ${url}/docs. Ctrl-C stops.
`

/**
 * Prints the address and what to try once the server listens.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Answerer | HttpServer.HttpServer> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    const folders = (yield* DocumentSources).map((_) => _.folder)
    const { name } = yield* Answerer
    yield* Console.log(greeting(HttpServer.formatAddress(address), folders, name))
  })
)
