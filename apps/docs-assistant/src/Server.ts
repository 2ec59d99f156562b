/**
 * The HTTP server of the assistant.
 */
import type { RuntimeManager } from "@agent-runtime/core"
import { Authorization } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { Effect, type FileSystem, Layer, Schema } from "effect"
import type { HttpServer } from "effect/http"
import * as Dashboard from "./Dashboard.ts"
import { Settings } from "./Settings.ts"

/**
 * The address cannot be listened on.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressUnavailable extends Schema.TaggedError<AddressUnavailable>()("AddressUnavailable", {
  message: Schema.String
}) {}

const why = (cause: unknown, { host, port }: Settings["Service"]): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is in use: choose another with --port, or 0 for any free one`
    case "EACCES":
      return `Port ${port} of ${host} is not for this user: choose one above 1023 with --port`
    default:
      return `${host}:${port} cannot be listened on: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

/**
 * Serves the runtimes where the settings say. Fails `AddressUnavailable`, `CredentialsRequired` for an address that others reach
 * when there are no tokens, and `TokenFileInvalid`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  HttpServer.HttpServer,
  AddressUnavailable | Authorization.TokenFileInvalid | NodeAgentApiServer.CredentialsRequired,
  FileSystem.FileSystem | RuntimeManager.RuntimeManager | Settings
> = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const { host, port, tokens } = settings
    const authorization = tokens === undefined ? Layer.empty : Authorization.layerTokenFile(tokens)
    return NodeAgentApiServer.layer({ host, port, routes: Dashboard.routes }).pipe(
      Layer.provide(authorization),
      Layer.catchTag("ServeError", ({ cause }) =>
        Layer.effectContext(Effect.fail(new AddressUnavailable({ message: why(cause, settings) })))
      )
    )
  })
)
