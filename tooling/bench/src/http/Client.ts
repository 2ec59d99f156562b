/** Load from plain sockets: the client must cost less than any server that it measures. */
import { fork, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { fileURLToPath } from "node:url"
import type { ServerName } from "./Servers.ts"
import type { Answer, Request } from "./serve.ts"

export interface RunningServer {
  readonly port: number
  readonly burst: (events: number) => void
  readonly memory: () => Promise<number>
}

const program = fileURLToPath(new URL("./serve.ts", import.meta.url))

/** Runs `use` with a server in a process of its own, which has the flags of this one, and ends it afterwards. */
export const withServer = async <A>(name: ServerName, use: (server: RunningServer) => Promise<A>): Promise<A> => {
  const child = fork(program, [name], {
    execArgv: [...process.execArgv, "--expose-gc"],
    stdio: ["ignore", "ignore", "inherit", "ipc"]
  })
  const listening = await nextAnswer(child)
  if (listening._tag !== "Listening") throw new Error(`${name} did not start`)
  const send = (request: Request): void => void child.send(request)
  const result = await use({
    port: listening.port,
    burst: (events) => send({ _tag: "Burst", events }),
    memory: async () => {
      send({ _tag: "Memory" })
      const answer = await nextAnswer(child)
      if (answer._tag !== "Memory") throw new Error(`${name} did not answer its memory`)
      return answer.bytes
    }
  })
  const ended = once(child, "exit")
  child.kill("SIGKILL")
  await ended
  return result
}

const nextAnswer = (child: ChildProcess): Promise<Answer> =>
  new Promise((resolve, reject) => {
    child.once("message", (answer: Answer) => resolve(answer))
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
  })

export const postRequest = (path: string, body: string, contentType = "application/json"): Buffer =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${contentType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )

/** Sends requests one after the other over each of `connections` kept alive, until `requests` are answered. */
export interface Load {
  readonly run: (requests: number) => Promise<void>
}

export const makeLoad = async (port: number, connections: number, request: Buffer): Promise<Load> => {
  let unsent = 0
  let unanswered = 0
  let settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  const next = (socket: Socket): void => {
    if (unsent === 0) return
    unsent--
    socket.write(request)
  }
  const connectOne = async (): Promise<Socket> => {
    const socket = await open(port)
    const feed = makeResponseCounter((status) => {
      if (status !== 200 && status !== 202) settle?.reject(new Error(`answered ${status}`))
      if (--unanswered === 0) settle?.resolve()
      else next(socket)
    })
    socket.on("data", feed)
    socket.on("close", () => {
      if (unanswered > 0) settle?.reject(new Error("the server closed a connection"))
    })
    return socket
  }
  const sockets = await Promise.all(Array.from({ length: connections }, connectOne))
  return {
    run: async (requests) => {
      // A server closes what was idle for some seconds, between two turns.
      for (let i = 0; i < connections; i++) if (sockets[i]!.closed) sockets[i] = await connectOne()
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        unsent = requests
        unanswered = requests
        for (const socket of sockets) next(socket)
      })
    }
  }
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket))
    socket.on("error", reject)
  })

/** Finds where each response ends, by its length or its last chunk, and answers its status. */
export const makeResponseCounter = (onResponse: (status: number) => void): ((chunk: Buffer) => void) => {
  let pending = ""
  return (chunk) => {
    pending += chunk.toString("latin1")
    for (;;) {
      const head = pending.indexOf("\r\n\r\n")
      if (head < 0) return
      const end = responseEnd(pending, head)
      if (end < 0 || end > pending.length) return
      const status = Number(pending.slice(9, 12))
      pending = pending.slice(end)
      onResponse(status)
    }
  }
}

const responseEnd = (text: string, head: number): number => {
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))
  if (length !== null) return head + 4 + Number(length[1])
  const last = text.indexOf("\r\n0\r\n\r\n", head)
  return last < 0 ? -1 : last + 7
}

/** Readers of an event stream; `burst` waits until each has seen the event that says `burst-end`. */
export interface Readers {
  readonly burst: (publish: () => void) => Promise<void>
}

const marker = "burst-end"

export const openReaders = async (port: number, path: string, count: number): Promise<Readers> => {
  let unfinished = 0
  let done = () => {}
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await open(port)
      await new Promise<void>((connected) => {
        let tail = ""
        socket.on("data", (chunk) => {
          connected()
          // Only the end of what has come can be new to the search.
          const text = tail + chunk.toString("latin1", Math.max(0, chunk.length - 1024))
          const found = text.includes(marker)
          tail = found ? "" : text.slice(-marker.length)
          if (found && --unfinished === 0) done()
        })
        socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n`)
      })
    })
  )
  return {
    burst: (publish) =>
      new Promise((resolve) => {
        unfinished = count
        done = resolve
        publish()
      })
  }
}
