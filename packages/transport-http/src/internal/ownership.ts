import { AgentError } from "@agent-runtime/schema"
import { Effect, Exit, Random } from "effect"
import { Forbidden } from "../ApiError.ts"
import type { Principal, Scope } from "../Authorization.ts"

export const missing = (scope: Scope): Forbidden =>
  new Forbidden({ message: `This takes the scope "${scope}", which this principal does not have` })

/** A runtime that is not the principal's own is one that does not exist. */
export const checkOwn = (principal: Principal, id: string): Exit.Exit<void, AgentError.AgentRuntimeNotFound> =>
  id.startsWith(principal.prefix) ? Exit.void : Exit.fail(AgentError.AgentRuntimeNotFound.of(id))

const random = Effect.map(Effect.all([Random.nextIntBetween(0, 36 ** 8), Random.nextIntBetween(0, 36 ** 8)]), (parts) =>
  parts.map((part) => part.toString(36).padStart(8, "0")).join("")
)

/** An id is the creator's to choose under its prefix; one made here lies there too. */
export const idFor = (principal: Principal, id: string | undefined): Effect.Effect<string | undefined, Forbidden> => {
  if (id !== undefined) {
    return id.startsWith(principal.prefix)
      ? Exit.succeed(id)
      : Exit.fail(new Forbidden({ message: `Your runtimes have ids that begin with "${principal.prefix}"` }))
  }
  return principal.prefix === "" ? Exit.succeed(undefined) : Effect.map(random, (text) => principal.prefix + text)
}

/** The runtimes to list: those that begin with what is asked for, as far as they are the principal's own. */
export const prefixFor = (principal: Principal, asked: string | undefined): string | undefined => {
  if (asked === undefined || principal.prefix.startsWith(asked)) return principal.prefix
  return asked.startsWith(principal.prefix) ? asked : undefined
}
