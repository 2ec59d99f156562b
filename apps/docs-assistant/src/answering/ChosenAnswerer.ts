/**
 * The answerer that the environment chooses: a language model where it names one, else the documents in their own words.
 */
import { Effect, Layer, Option } from "effect"
import { FetchHttpClient } from "effect/http"
import type { DocumentLibrary } from "../library/DocumentLibrary.ts"
import * as ModelSettings from "../model/ModelSettings.ts"
import type { Answerer } from "./Answerer.ts"
import * as ExtractiveAnswerer from "./ExtractiveAnswerer.ts"

// Most of what a model needs is loaded only where there is one: the others start sooner.
const withModel = Effect.fnUntraced(function* (settings: ModelSettings.ModelSettings) {
  const { ModelAnswerer, OpenAiCompatible } = yield* Effect.promise(async () => ({
    ModelAnswerer: await import("./ModelAnswerer.ts"),
    OpenAiCompatible: await import("../model/OpenAiCompatible.ts")
  }))
  return ModelAnswerer.layer(`${settings.model} at ${new URL(settings.url).host}`).pipe(
    Layer.provide(OpenAiCompatible.layer(settings)),
    Layer.provide(FetchHttpClient.layer)
  )
})

/**
 * The answerer that the environment chooses. Fails `ModelSettingsInvalid` where it names half a model.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Answerer, ModelSettings.ModelSettingsInvalid, DocumentLibrary> = Layer.unwrap(
  Effect.flatMap(
    ModelSettings.fromEnvironment,
    Option.match({ onNone: () => Effect.succeed(ExtractiveAnswerer.layer), onSome: withModel })
  )
)
