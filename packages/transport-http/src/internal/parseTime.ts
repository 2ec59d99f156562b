import { AgentError } from "@agent-runtime/schema"
import { Exit } from "effect"

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** The milliseconds of `30s`, `500ms` or `2m`, as the parameter `name` gives them. */
export const parseTime = (name: string, text: string): Exit.Exit<number, AgentError.RequestInvalid> => {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return Exit.succeed(Number(amount) * (units[unit] ?? 1))
  return Exit.fail(
    new AgentError.RequestInvalid({ path: [name], message: `${name} is a time such as 500ms, 30s or 2m` })
  )
}
