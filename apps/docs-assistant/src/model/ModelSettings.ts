/**
 * Which language model answers, from the environment. Without a key none does: nothing leaves this machine unless it is asked for.
 */
import { Config, Effect, Option, type Redacted, Schema } from "effect"

/**
 * An endpoint that speaks the chat completions API of OpenAI, and which of its models to use.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelSettings {
  /** The base URL, such as `https://api.openai.com/v1`, without a slash at the end. */
  readonly url: string
  readonly key: Redacted.Redacted
  readonly model: string
}

/**
 * The environment names half of a language model.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelSettingsInvalid extends Schema.TaggedError<ModelSettingsInvalid>()("ModelSettingsInvalid", {
  message: Schema.String
}) {}

const environment = Config.all({
  key: Config.option(Config.Redacted("KEY")),
  model: Config.option(Config.String("MODEL")),
  url: Config.String("URL").pipe(Config.withDefault("https://api.openai.com/v1"))
}).pipe(Config.nested("DOCS_ASSISTANT_LLM"))

/**
 * Reads `DOCS_ASSISTANT_LLM_KEY`, `DOCS_ASSISTANT_LLM_MODEL` and `DOCS_ASSISTANT_LLM_URL` (default: OpenAI's). Answers none without a
 * key, and fails `ModelSettingsInvalid` for a key without a model or a URL that is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEnvironment: Effect.Effect<Option.Option<ModelSettings>, ModelSettingsInvalid> = Effect.gen(
  function* () {
    const { key, model, url } = yield* Effect.mapError(
      environment,
      ({ message }) => new ModelSettingsInvalid({ message })
    )
    if (Option.isNone(key)) return Option.none()
    if (Option.isNone(model)) {
      return yield* new ModelSettingsInvalid({
        message: "DOCS_ASSISTANT_LLM_KEY is set: say which model to use with DOCS_ASSISTANT_LLM_MODEL"
      })
    }
    if (!URL.canParse(url) || !/^https?:/.test(url)) {
      return yield* new ModelSettingsInvalid({ message: `DOCS_ASSISTANT_LLM_URL is no http or https URL: "${url}"` })
    }
    return Option.some({ key: key.value, model: model.value, url: url.replace(/\/+$/, "") })
  }
)
