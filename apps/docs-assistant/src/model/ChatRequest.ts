/**
 * A prompt in the words of the chat completions API.
 */
import { type LanguageModel, type Prompt, Tool } from "effect/ai"

const toText = (parts: ReadonlyArray<{ readonly type: string; readonly text?: unknown }>): string =>
  parts.flatMap((part) => (part.type === "text" ? [String(part.text)] : [])).join("\n\n")

const toMessages = (message: Prompt.Message): ReadonlyArray<object> => {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content }]
    case "user":
      return [{ role: "user", content: toText(message.content) }]
    case "assistant": {
      const content = toText(message.content)
      const calls = message.content.flatMap((part) =>
        part.type === "tool-call"
          ? [{ id: part.id, type: "function", function: { name: part.name, arguments: JSON.stringify(part.params) } }]
          : []
      )
      if (calls.length > 0) return [{ role: "assistant", content: content === "" ? null : content, tool_calls: calls }]
      return content === "" ? [] : [{ role: "assistant", content }]
    }
    case "tool":
      return message.content.flatMap((part) =>
        part.type === "tool-result"
          ? [{ role: "tool", tool_call_id: part.id, content: JSON.stringify(part.result) }]
          : []
      )
  }
}

const toTool = (tool: Tool.Any): object => ({
  type: "function",
  function: { name: tool.name, description: tool.description, parameters: Tool.getJsonSchema(tool) }
})

/**
 * The body of a request for a streamed completion. What the API has no words for, such as reasoning, is left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: string, { prompt, toolChoice, tools }: LanguageModel.ProviderOptions): object => ({
  model,
  messages: prompt.content.flatMap(toMessages),
  stream: true,
  stream_options: { include_usage: true },
  ...(tools.length === 0
    ? {}
    : { tools: tools.map(toTool), tool_choice: typeof toolChoice === "string" ? toolChoice : "auto" })
})
