/**
 * What a streamed completion is made of on the wire. Lenient: endpoints that call themselves compatible leave out this and that.
 */
import { Schema } from "effect"

const absent = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const ToolCallDelta = Schema.Struct({
  index: absent(Schema.Int),
  id: absent(Schema.String),
  function: absent(Schema.Struct({ name: absent(Schema.String), arguments: absent(Schema.String) }))
})

const Choice = Schema.Struct({
  delta: absent(
    Schema.Struct({
      content: absent(Schema.String),
      tool_calls: absent(Schema.Array(ToolCallDelta))
    })
  ),
  finish_reason: absent(Schema.String)
})

/**
 * One chunk of a streamed completion, or the error that it ends with.
 *
 * @category models
 * @since 0.1.0
 */
export const ChatChunk = Schema.Struct({
  choices: absent(Schema.Array(Choice)),
  usage: absent(Schema.Struct({ prompt_tokens: absent(Schema.Int), completion_tokens: absent(Schema.Int) })),
  error: absent(Schema.Struct({ message: absent(Schema.String) }))
})

/**
 * One chunk of a streamed completion, or the error that it ends with.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatChunk = typeof ChatChunk.Type
