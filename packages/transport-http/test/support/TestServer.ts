import { RuntimeConfig, RuntimeManager, type Workflow } from "@agent-runtime/core"
import { ServerLimits } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { Effect, Layer, Logger, type LogLevel, ManagedRuntime, References, Tracer } from "effect"
import { HttpServer } from "effect/http"
import { AccountLayer, NotedLayer } from "./Agents.ts"

export interface Options {
  readonly limits?: Partial<ServerLimits.ServerLimitsShape> | undefined
  /** Default `RuntimeManager.layer`. */
  readonly manager?: Layer.Layer<RuntimeManager.RuntimeManager | Workflow.Workflows> | undefined
  readonly config?: Partial<RuntimeConfig.RuntimeConfigShape> | undefined
  readonly authorization?: Layer.Layer<never> | undefined
  readonly server?: NodeAgentApiServer.Options | undefined
  /** Default `Info`. */
  readonly logLevel?: LogLevel.LogLevel | undefined
  readonly tracer?: Tracer.Tracer | undefined
}

/** A server on a free port, with the account agent and whatever it logs. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly manager: RuntimeManager.RuntimeManager["Service"]
  readonly logs: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

export const start = async (options: Options = {}): Promise<TestServer> => {
  const logs: Array<string> = []
  const layer = NodeAgentApiServer.layer({ port: 0, ...options.server }).pipe(
    Layer.provideMerge(
      Layer.merge(AccountLayer, NotedLayer).pipe(Layer.provideMerge(options.manager ?? RuntimeManager.layer))
    ),
    Layer.provide(RuntimeConfig.layer(options.config ?? {})),
    Layer.provide(options.authorization ?? Layer.empty),
    Layer.provide(ServerLimits.layer(options.limits ?? {})),
    Layer.provide(
      Logger.layer([
        Logger.make(({ cause, fiber, message }) => {
          const annotations = JSON.stringify(fiber.getRef(References.CurrentLogAnnotations))
          logs.push(`${String(message)} ${String(cause)} ${annotations}`)
        })
      ])
    ),
    Layer.provide(options.tracer === undefined ? Layer.empty : Layer.succeed(Tracer.Tracer, options.tracer)),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, options.logLevel ?? "Info"))
  )
  const runtime = ManagedRuntime.make(layer)
  const [{ address }, manager] = await runtime.runPromise(
    Effect.all([HttpServer.HttpServer, RuntimeManager.RuntimeManager])
  )
  const url = HttpServer.formatAddress(address)
  return { url, port: Number(new URL(url).port), manager, logs, close: () => runtime.dispose() }
}

/** An answer, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Record<string, unknown>
}

export interface Ask {
  readonly method?: string
  /** Sent as JSON. */
  readonly json?: unknown
  readonly raw?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  readonly headers?: Record<string, string>
}

export const ask = async (url: string, { headers, json, method, raw }: Ask = {}): Promise<Answer> => {
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json))
  const response = await fetch(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body, duplex: "half" })
  })
  const text = await response.text()
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} }
}
