/**
 * Where logs, traces and metrics go, from the environment: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other variables of OpenTelemetry
 * send them to a collector; `DOCS_ASSISTANT_LOG=json` writes each log as a line of JSON. Prometheus finds metrics at `/metrics`.
 */
import { Config, ConfigProvider, Effect, Layer, Logger, Option } from "effect"
import { FetchHttpClient } from "effect/http"

const settings = Config.all({
  endpoint: Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT")),
  protocol: Config.Literals(["http/protobuf", "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL").pipe(
    Config.withDefault("http/protobuf")
  ),
  log: Config.Literals(["text", "json"], "DOCS_ASSISTANT_LOG").pipe(Config.withDefault("text"))
})

// Whoever names a collector wants it used, as OpenTelemetry has it: Effect wants to be told so signal by signal.
const defaults = ConfigProvider.layerAdd(
  ConfigProvider.fromEnv({
    env: { OTEL_TRACES_EXPORTER: "otlp", OTEL_METRICS_EXPORTER: "otlp", OTEL_LOGS_EXPORTER: "otlp" }
  })
)

// Loaded only where there is a collector: the others start sooner.
const collector = Effect.fnUntraced(function* (protocol: "http/protobuf" | "http/json") {
  const { Otlp, OtlpSerialization } = yield* Effect.promise(() => import("effect/observability"))
  return Otlp.layerFromConfig({ resource: { serviceName: "docs-assistant" }, loggerMergeWithExisting: true }).pipe(
    Layer.provide(protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf),
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(defaults)
  )
})

/**
 * Logs, traces and metrics as the environment says.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, Config.ConfigError> = Layer.unwrap(
  Effect.gen(function* () {
    const { endpoint, log, protocol } = yield* settings
    const logger = log === "json" ? Logger.layer([Logger.consoleJson]) : Layer.empty
    return Option.isNone(endpoint) ? logger : Layer.provideMerge(yield* collector(protocol), logger)
  })
)
