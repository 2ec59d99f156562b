// The main thread's side of the worker that owns the database file: requests go out, answers come back in order.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import type { Answer, Fault, Opening, Part, Request } from "./SqliteProtocol.ts"

export interface SqliteThread {
  /** Not interruptible: what has been sent to the database happens, so its outcome is waited for. */
  readonly request: (request: Request) => Effect.Effect<unknown, Fault>
  /** Nothing is answered: what fails shows at the next request. */
  readonly send: (part: Part) => void
  readonly inTransaction: () => boolean
}

const entry = new URL(import.meta.url.endsWith(".ts") ? "./SqliteWorker.ts" : "./SqliteWorker.js", import.meta.url)

export const open = (opening: Opening): Effect.Effect<SqliteThread, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const waiting: Array<(answer: Answer) => void> = []
    let inTransaction = false
    let closing = false
    let stopped: Fault | undefined

    const settle = (answer: Answer) => {
      inTransaction = answer.inTransaction
      waiting.shift()?.(answer)
      // An idle database does not keep the program alive; one that owes an answer does.
      if (waiting.length === 0 && !closing) worker.unref()
    }
    const stop = (fault: Fault) => {
      stopped ??= fault
      while (waiting.length > 0) settle({ fault: stopped, inTransaction: false })
    }

    const worker = new Worker(entry, { workerData: opening, name: "agent-runtime-sqlite", execArgv: [] })
    worker.on("message", settle)
    worker.on("error", (cause) =>
      stop({ message: `the thread of the database died: ${cause.message}`, code: undefined })
    )
    worker.on("exit", () => stop({ message: "the database is closed", code: undefined }))

    const expect = (post: () => void) =>
      Effect.uninterruptible(
        Effect.callback<unknown, Fault>((resume) => {
          if (stopped !== undefined) return resume(Effect.fail(stopped))
          if (waiting.length === 0) worker.ref()
          waiting.push((answer) => resume("fault" in answer ? Effect.fail(answer.fault) : Effect.succeed(answer.value)))
          try {
            post()
          } catch (cause) {
            // A parameter that cannot cross threads: nothing was sent, so nothing will be answered.
            waiting.pop()
            resume(Effect.fail({ message: String(cause), code: undefined }))
          }
        })
      )
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    const request = (request: Request) => expect(() => worker.postMessage(request))

    const close = Effect.suspend(() => {
      // The program may have nothing else to wait for: an unreferenced thread would end it here.
      closing = true
      return Effect.andThen(
        Effect.ignore(request(["close"])),
        Effect.promise(() => worker.terminate())
      )
    })

    yield* Effect.acquireRelease(
      expect(() => {}),
      () => close
    )
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    const send = (part: Part) => worker.postMessage(part)
    return { request, send, inTransaction: () => inTransaction }
  })
