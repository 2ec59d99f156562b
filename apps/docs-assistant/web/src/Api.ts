/**
 * The assistant's HTTP API, through its typed client.
 */
import * as AgentApiClient from "@agent-runtime/transport-http/AgentApiClient"
import { signal } from "@preact/signals"
import { Cause, type Effect, Exit, type Fiber, Layer, ManagedRuntime } from "effect"
import { FetchHttpClient } from "effect/http"
import { watchedFetch } from "./Connection.ts"

const tokenKey = "docs-assistant/token"

/** Whether the server has refused the token there is, or wants one. */
export const wantsToken = signal(false)

/** A token is kept for as long as the tab. */
export const useToken = (token: string): void => {
  sessionStorage.setItem(tokenKey, token)
  location.reload()
}

/** The token there is, which may be wrong. */
export const token = sessionStorage.getItem(tokenKey) ?? undefined

const runtime = ManagedRuntime.make(
  Layer.merge(AgentApiClient.layer({ baseUrl: "", token }), Layer.succeed(FetchHttpClient.Fetch, watchedFetch))
)

/** What went wrong last, to be told to whoever looks at the page. */
export const problem = signal<string | undefined>(undefined)

const isUnauthorized = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "Unauthorized"

export const report = (error: unknown): void => {
  if (isUnauthorized(error)) wantsToken.value = true
  else problem.value = error instanceof Error ? error.message : String(error)
}

/** Runs what takes as long as the page, or until it is interrupted. */
export const fork = <A, E>(effect: Effect.Effect<A, E, AgentApiClient.AgentApiClient>): Fiber.Fiber<A, E> =>
  runtime.runFork(effect)

/** Does what a click asks for. What goes wrong is told; the answer is whether it went well. */
export const act = async <A, E>(effect: Effect.Effect<A, E, AgentApiClient.AgentApiClient>): Promise<boolean> => {
  problem.value = undefined
  const exit = await runtime.runPromiseExit(effect)
  if (Exit.isFailure(exit)) report(Cause.squash(exit.cause))
  return Exit.isSuccess(exit)
}

/** A name that no other has. `crypto.randomUUID` is missing where a page is neither local nor encrypted. */
export const randomName = (bytes: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("")
