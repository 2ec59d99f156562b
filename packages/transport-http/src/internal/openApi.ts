import { Agent } from "@agent-runtime/schema"
import type { JsonSchema } from "effect"
import { OpenApi } from "effect/http-api"
import { AgentApi } from "../AgentApi.ts"

type Json = JsonSchema.JsonSchema
type Schemas = Record<string, Json>

const id = "^[A-Za-z0-9_-]{1,64}$"
const activityId = "^(?!\\.{1,2}$)[A-Za-z0-9_.:-]{1,128}$"
const time = "^\\d{1,9}(\\.\\d{1,3})?(ms|s|m)$"
const cursor = "^\\d{1,16}-\\d{1,16}$"
const members = (names: string) => `^(${names})(,(${names}))*$`

/** What the parameters look like, beyond being text. */
const parameters: Readonly<Record<string, Json>> = {
  id: { pattern: id },
  activityId: { pattern: activityId },
  epoch: { pattern: "^\\d{1,16}$", description: "Only this life of the runtime; any other is not found" },
  wait: { pattern: time, description: "How long to wait for the outcome", example: "30s" },
  grace: { pattern: time, description: "How long to wait for what runs and what is queued", example: "5s" },
  limit: { pattern: "^([1-9]\\d{0,2}|1000)$" },
  type: { description: "Only activities of these types, separated by commas" },
  priority: { pattern: members("urgent|standard|background") },
  outcome: { pattern: members("processed|failed"), description: "Default: processed" },
  from: { pattern: `^(latest|earliest|${cursor.slice(1, -1)})$`, description: "Where to begin. Default: latest" },
  "last-event-id": { pattern: cursor, description: "Begins after this event; beats from" }
}

/** The headers of answers, by status. */
const headers: Readonly<Record<string, Record<string, string>>> = {
  "201": { location: "The path of the runtime" },
  "202": { location: "The path of the activity" },
  "401": { "www-authenticate": "How to send credentials" },
  "429": { "retry-after": "Seconds after which to try again" },
  "503": { "retry-after": "Seconds after which to try again" }
}

const name = (text: string): string => text.replace(/[^A-Za-z0-9._-]/g, "_")

const reference = (to: string): Json => ({ $ref: `#/components/schemas/${to}` })

/** Moves a schema with all it refers to among the components. */
const place = (schemas: Schemas, at: string, document: JsonSchema.Document<"draft-2020-12">): Json => {
  const moved = (json: unknown): Json =>
    JSON.parse(
      JSON.stringify(json).replace(
        /"#\/\$defs\/([^"]+)"/g,
        (_, key: string) => `"#/components/schemas/${name(`${at}.${key}`)}"`
      )
    ) as Json
  for (const [key, definition] of Object.entries(document.definitions)) {
    schemas[name(`${at}.${key}`)] = moved(definition)
  }
  schemas[name(at)] = moved(document.schema)
  return reference(name(at))
}

const isEmpty = (schema: Json): boolean => schema.type === "null"

/** What each agent takes and keeps, as components; sends and states then refer to them. */
const addAgents = (schemas: Schemas, agents: ReadonlyArray<Agent.Any>): void => {
  const send = schemas.SendActivity
  if (agents.length === 0 || send === undefined) return
  const properties = send.properties as Schemas
  const states: Array<Json> = []
  const replies: Array<Json> = []
  const sends: Array<Json> = []
  for (const agent of agents) {
    const { activities, name: agentName, state } = Agent.toJsonSchema(agent)
    states.push(place(schemas, `${agentName}.State`, state))
    for (const { payload, success, type } of activities) {
      const at = `${agentName}.${type}`
      if (!isEmpty(success.schema)) replies.push(place(schemas, `${at}.Reply`, success))
      const { payload: _, type: __, ...options } = properties
      const empty = isEmpty(payload.schema)
      const required = Array.isArray(payload.schema.required) && payload.schema.required.length > 0
      schemas[name(at)] = {
        type: "object",
        description: `${type} of ${agentName}`,
        properties: {
          type: { type: "string", enum: [type] },
          ...(empty ? {} : { payload: place(schemas, `${at}.Payload`, payload) }),
          ...options
        },
        required: required ? ["type", "payload"] : ["type"]
      }
      sends.push(reference(name(at)))
    }
  }
  schemas.SendActivity = { anyOf: sends, description: "An activity of one of the agents of this server" }
  const refine = (component: string, property: string, anyOf: ReadonlyArray<Json>) => {
    const schema = schemas[component]
    if (schema === undefined || anyOf.length === 0) return
    schemas[component] = { ...schema, properties: { ...(schema.properties as Schemas), [property]: { anyOf } } }
  }
  refine("RuntimeInfo", "state", states)
  refine("EndedReceipt", "reply", replies)
  refine("Receipt", "reply", replies)
}

const events = {
  "text/event-stream": {
    schema: {
      type: "string",
      description: "Server-sent events: id, event and data, whose JSON is that of the event"
    }
  }
}

/** This API in OpenAPI 3.1, with the schemas of the agents. */
export const openApiOf = (agents: ReadonlyArray<Agent.Any>): Record<string, unknown> => {
  // The schemas of TypeScript's two sides of an error are the same here.
  const spec = JSON.parse(
    JSON.stringify(OpenApi.fromApi(AgentApi)).replace(/(?<=[\w/"])Encoded(?=")/g, "")
  ) as OpenApi.OpenAPISpec
  const schemas: Schemas = { ...spec.components.schemas }
  if (schemas.SendActivity !== undefined) {
    const properties = schemas.SendActivity.properties as Schemas
    schemas.SendActivity = {
      ...schemas.SendActivity,
      properties: { ...properties, id: { ...properties.id, pattern: activityId } }
    }
  }
  addAgents(schemas, agents)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [path, item] of Object.entries(spec.paths)) {
    const operations: Record<string, unknown> = {}
    for (const method of ["get", "post", "delete"] as const) {
      const operation = item[method]
      if (operation === undefined) continue
      const open = path === "/healthz" || path === "/readyz"
      operations[method] = {
        ...operation,
        security: open ? [] : [{ bearer: [] }],
        parameters: operation.parameters.map((parameter) => ({
          ...parameter,
          schema: { ...parameter.schema, ...parameters[parameter.name] }
        })),
        responses: Object.fromEntries(
          Object.entries(operation.responses).map(([status, response]) => [
            status,
            {
              ...response,
              ...(response.content?.["text/event-stream"] === undefined ? {} : { content: events }),
              ...(headers[status] === undefined
                ? {}
                : {
                    headers: Object.fromEntries(
                      Object.entries(headers[status]).map(([header, description]) => [
                        header,
                        { description, schema: { type: "string" } }
                      ])
                    )
                  })
            }
          ])
        )
      }
    }
    paths[path] = operations
  }
  return {
    ...spec,
    info: {
      ...spec.info,
      description: "Agent runtimes: create them, send them activities, follow what they do.",
      license: { name: "MIT", identifier: "MIT" }
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      ...spec.components,
      schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "Where the server asks for tokens" }
      }
    }
  }
}
