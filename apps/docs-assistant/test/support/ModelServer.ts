/**
 * An endpoint that speaks the chat completions API as OpenAI's does: the shapes are recorded ones, the words are the tests'.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"

interface ToolMessage {
  readonly role: string
  readonly content: string | null
  readonly tool_calls?: ReadonlyArray<{ readonly id: string; readonly function: { readonly name: string } }>
  readonly tool_call_id?: string
}

export interface ChatBody {
  readonly model: string
  readonly stream: boolean
  readonly stream_options: { readonly include_usage: boolean }
  readonly messages: ReadonlyArray<ToolMessage>
  readonly tools?: ReadonlyArray<{ readonly function: { readonly name: string; readonly description: string } }>
  readonly tool_choice?: string
}

export interface ChatRequest {
  readonly headers: IncomingMessage["headers"]
  readonly body: ChatBody
  /** Settles once the client has hung up before the answer ended. */
  readonly gone: Promise<void>
}

export type Reply = (response: ServerResponse, request: ChatRequest) => void

export interface ModelServer {
  readonly url: string
  readonly requests: ReadonlyArray<ChatRequest>
  /** Answers the next request that no reply is waiting for. */
  readonly next: (...replies: ReadonlyArray<Reply>) => void
  readonly close: () => Promise<void>
}

const chunk = (delta: object, finish: string | null = null) => ({
  id: "chatcmpl-CfZ8b1qEXAMPLE",
  object: "chat.completion.chunk",
  created: 1763800000,
  model: "gpt-4o-mini-2024-07-18",
  service_tier: "default",
  system_fingerprint: "fp_51db84afab",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  usage: null,
  obfuscation: "x8Kd2"
})

const usage = {
  ...chunk({}),
  choices: [],
  usage: {
    prompt_tokens: 214,
    completion_tokens: 9,
    total_tokens: 223,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 }
  }
}

const frame = (data: object | string) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`

const begin = (response: ServerResponse) =>
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "openai-version": "2020-10-01" })

const role = frame(chunk({ role: "assistant", content: "", refusal: null }))
const end = (finish: string) => frame(chunk({}, finish)) + frame(usage) + frame("[DONE]")

/** The pieces of an answer, each sent by itself. */
export const says =
  (...pieces: ReadonlyArray<string>): Reply =>
  (response) => {
    begin(response).write(role)
    for (const content of pieces) response.write(frame(chunk({ content })))
    response.end(end("stop"))
  }

/** Calls of tools, their arguments cut into pieces as they are in life. */
export const calls =
  (...wanted: ReadonlyArray<readonly [name: string, parameters: object]>): Reply =>
  (response, { body }) => {
    begin(response).write(frame(chunk({ role: "assistant", content: null })))
    const round = body.messages.length
    wanted.forEach(([name, parameters], index) => {
      const call = { index, id: `call_${round}_${index}`, type: "function", function: { name, arguments: "" } }
      response.write(frame(chunk({ tool_calls: [call] })))
      for (const piece of JSON.stringify(parameters).match(/[^]{1,7}/g) ?? []) {
        response.write(frame(chunk({ tool_calls: [{ index, function: { arguments: piece } }] })))
      }
    })
    response.end(end("tool_calls"))
  }

/** Refuses with a status, as the API words it. */
export const refuses =
  (status: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    const error = { message: `Refused with ${status}`, type: "requests", param: null, code: "refused" }
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ error }))
  }

/** Begins an answer and never goes on. */
export const hangs =
  (...pieces: ReadonlyArray<string>): Reply =>
  (response) => {
    begin(response).write(role)
    for (const content of pieces) response.write(frame(chunk({ content })))
  }

/** Begins an answer and goes on once it is let: `asked` settles when the model is asked. */
export const holds = (first: string, rest: string) => {
  let ask = () => {}
  let release = () => {}
  const asked = new Promise<void>((resolve) => (ask = resolve))
  const released = new Promise<void>((resolve) => (release = resolve))
  const reply: Reply = (response, request) => {
    hangs(first)(response, request)
    ask()
    void released.then(() => response.end(frame(chunk({ content: rest })) + end("stop")))
  }
  return { reply, asked, release: () => release() }
}

/** Begins an answer and breaks the connection off. */
export const breaks =
  (how: "end" | "reset", ...pieces: ReadonlyArray<string>): Reply =>
  (response) => {
    begin(response).write(role)
    for (const content of pieces) response.write(frame(chunk({ content })))
    if (how === "end") response.end()
    else setImmediate(() => response.destroy())
  }

/** Sends these bytes as they are. */
export const sends =
  (...bytes: ReadonlyArray<string | Uint8Array>): Reply =>
  (response) => {
    begin(response)
    for (const some of bytes) response.write(some)
    response.end()
  }

const read = async (request: IncomingMessage): Promise<ChatBody> => {
  let text = ""
  for await (const some of request.setEncoding("utf8")) text += some
  return JSON.parse(text)
}

export const listen = async (): Promise<ModelServer> => {
  const requests: Array<ChatRequest> = []
  const replies: Array<Reply> = []
  const server: Server = createServer((incoming, response) => {
    void read(incoming).then((body) => {
      const gone = new Promise<void>((resolve) => response.on("close", () => !response.writableFinished && resolve()))
      const request = { headers: incoming.headers, body, gone }
      requests.push(request)
      const reply = incoming.url === "/v1/chat/completions" ? replies.shift() : undefined
      ;(reply ?? refuses(404))(response, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    next: (...more) => void replies.push(...more),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
