/**
 * Puts the chunks of a streamed completion together to the parts of an answer. Text goes on at once; a call of a tool is
 * complete only when the stream is.
 */
import { AiError, type Response } from "effect/ai"
import type { ChatChunk } from "./ChatChunk.ts"

const textId = "text"

const reasons: Readonly<Record<string, Response.FinishReason>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter"
}

interface Call {
  id: string
  name: string
  params: string
}

/**
 * Parts of an answer that is being received.
 *
 * @category models
 * @since 0.1.0
 */
export class ChatParts {
  #hasText = false
  #calls = new Map<number, Call>()
  #reason: string | undefined
  #usage: ChatChunk["usage"]

  /**
   * Takes a chunk and answers the parts it completes.
   */
  take(chunk: ChatChunk): Array<Response.StreamPartEncoded> {
    const parts: Array<Response.StreamPartEncoded> = []
    this.#usage = chunk.usage ?? this.#usage
    const choice = chunk.choices?.[0]
    this.#reason = choice?.finish_reason ?? this.#reason
    const text = choice?.delta?.content ?? ""
    if (text !== "") {
      if (!this.#hasText) parts.push({ type: "text-start", id: textId })
      this.#hasText = true
      parts.push({ type: "text-delta", id: textId, delta: text })
    }
    for (const delta of choice?.delta?.tool_calls ?? []) {
      // Some endpoints send each call whole and leave the index out.
      const index = delta.index ?? this.#calls.size
      const call = this.#calls.get(index) ?? { id: "", name: "", params: "" }
      this.#calls.set(index, call)
      if (call.id === "") call.id = delta.id ?? ""
      call.name += delta.function?.name ?? ""
      call.params += delta.function?.arguments ?? ""
    }
    return parts
  }

  /**
   * The last parts, once the stream has ended; or why the answer is none.
   */
  end(): Array<Response.StreamPartEncoded> | AiError.AiErrorReason {
    // A connection that breaks between two chunks looks like an end.
    if (this.#reason === undefined) {
      return new AiError.InvalidOutputError({ description: "the answer of the model broke off" })
    }
    const parts: Array<Response.StreamPartEncoded> = this.#hasText ? [{ type: "text-end", id: textId }] : []
    for (const [index, { id, name, params }] of this.#calls) {
      let parsed: unknown
      try {
        parsed = JSON.parse(params === "" ? "{}" : params)
      } catch {
        return new AiError.InvalidOutputError({ description: `the model called "${name}" with what is no JSON` })
      }
      parts.push({ type: "tool-call", id: id === "" ? `call-${index}` : id, name, params: parsed })
    }
    parts.push({
      type: "finish",
      reason: this.#calls.size > 0 && this.#reason === "stop" ? "tool-calls" : (reasons[this.#reason] ?? "other"),
      usage: {
        inputTokens: { total: this.#usage?.prompt_tokens ?? undefined },
        outputTokens: { total: this.#usage?.completion_tokens ?? undefined }
      },
      response: undefined
    })
    return parts
  }
}
