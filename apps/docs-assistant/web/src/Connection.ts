/**
 * Whether the page hears from its server. The client reconnects on its own; this only watches how its requests fare.
 */
import { computed, signal } from "@preact/signals"
import { Effect } from "effect"

export type Connection = "connecting" | "live" | "reconnecting"

/** Whether the last request that was answered, or was not, was. */
const reachable = signal<boolean | undefined>(undefined)

/** How many event streams are open now, and how many should be. */
const open = signal(0)
const wanted = signal(0)

/** Says that something is followed for as long as the effect runs. */
export const following = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => void wanted.value++),
    () => effect,
    () => Effect.sync(() => void wanted.value--)
  )

/** Whether a stream has been open since the page began: before that it is not reconnecting. */
const hasOpened = signal(false)

export const connection = computed<Connection>(() => {
  if (reachable.value === undefined) return "connecting"
  if (!reachable.value) return "reconnecting"
  if (open.value >= wanted.value) return "live"
  return hasOpened.value ? "reconnecting" : "connecting"
})

const isEventStream = (response: Response): boolean =>
  response.ok && (response.headers.get("content-type") ?? "").startsWith("text/event-stream")

/** The same response, watched until its body ends in whichever way. */
const watched = (response: Response, body: ReadableStream<Uint8Array>): Response => {
  const reader = body.getReader()
  let isOpen = true
  const close = () => {
    if (!isOpen) return
    isOpen = false
    open.value--
  }
  open.value++
  hasOpened.value = true
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        close()
        controller.close()
      } catch (error) {
        close()
        controller.error(error)
      }
    },
    cancel: (reason) => {
      close()
      return reader.cancel(reason)
    }
  })
  return new Response(stream, { status: response.status, headers: response.headers })
}

/** `fetch`, watched. */
export const watchedFetch: typeof fetch = async (input, init) => {
  try {
    const response = await fetch(input, init)
    reachable.value = true
    return response.body !== null && isEventStream(response) ? watched(response, response.body) : response
  } catch (error) {
    // A request that the page itself gives up says nothing about the server.
    if (!(error instanceof DOMException && error.name === "AbortError")) reachable.value = false
    throw error
  }
}
