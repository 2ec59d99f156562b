import { type Agent, Priority } from "@agent-runtime/schema"
import { useSignal } from "@preact/signals"
import { SchemaAST } from "effect"
import { problem } from "../Api.ts"
import * as Commands from "../Commands.ts"

/** A payload to begin with: its fields, still empty. */
const template = (agent: Agent.Any, type: string): string => {
  const ast = agent.activities.find((one) => one.name === type)?.payload.ast
  if (ast === undefined || !SchemaAST.isObjects(ast)) return ""
  const required = ast.propertySignatures.filter((field) => !SchemaAST.isOptional(field.type))
  return JSON.stringify(Object.fromEntries(required.map((field) => [String(field.name), ""])), null, 2)
}

const parse = (text: string): unknown => (text.trim() === "" ? undefined : JSON.parse(text))

interface Props {
  readonly id: string
  readonly agent: Agent.Any
}

export const SendForm = ({ agent, id }: Props) => {
  const type = useSignal(agent.activities[0]?.name ?? "")
  const payload = useSignal(template(agent, type.value))
  const priority = useSignal("")
  const send = () => {
    try {
      const chosen = Priority.isPriority(priority.value) ? priority.value : undefined
      void Commands.send(id, { type: type.value, payload: parse(payload.value), priority: chosen })
    } catch {
      problem.value = "The payload is no JSON"
    }
  }
  return (
    <section class="card">
      <h2>Send an activity</h2>
      <form
        class="send"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        <label>
          Type
          <select
            value={type.value}
            onChange={(event) => {
              type.value = event.currentTarget.value
              payload.value = template(agent, type.value)
            }}
            data-testid="send-type"
          >
            {agent.activities.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Priority
          <select
            value={priority.value}
            onChange={(event) => (priority.value = event.currentTarget.value)}
            data-testid="send-priority"
          >
            <option value="">of its type</option>
            {Priority.priorities.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="wide">
          Payload in JSON
          <textarea
            rows={3}
            spellcheck={false}
            value={payload.value}
            onInput={(event) => (payload.value = event.currentTarget.value)}
            data-testid="send-payload"
          />
        </label>
        <button type="submit" class="primary" data-testid="send">
          Send
        </button>
      </form>
    </section>
  )
}
