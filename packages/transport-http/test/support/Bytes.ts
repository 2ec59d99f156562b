import { request } from "node:http"
import { connect } from "node:net"

/** What `node:http` gets, for what `fetch` would not send. */
export const raw = (options: {
  port: number
  path: string
  headers: Record<string, string>
  method?: string
}): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", ...options }, (response) => {
      let text = ""
      response.on("data", (chunk: Buffer) => (text += chunk.toString()))
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on("error", reject)
    sent.end()
  })

/** What a socket gets for some text. */
export const socket = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = connect(port, "127.0.0.1", () => client.write(text))
    let answer = ""
    client.on("data", (chunk) => (answer += chunk.toString()))
    client.on("close", () => resolve(answer))
    client.on("error", reject)
  })
