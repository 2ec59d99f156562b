import { ActivityId, ActivityType, Agent, Priority, Receipt, Timestamp } from "@agent-runtime/schema"
import { Schema } from "effect"
import { decodeEventsBy } from "./wire.ts"

const json = Schema.Json
const pure = (schema: unknown) => schema as ActivityType.PureCodec

/** An agent of which only names are known: its state, payloads and replies are JSON. */
export const unknownAgent = (name: string, types: ReadonlyArray<string>): Agent.Any => {
  const agent = Agent.make(name, {
    state: pure(json),
    initialState: null,
    emits: pure(json),
    activities: types.map((type) =>
      ActivityType.make(type, { payload: pure(json), success: pure(json), error: pure(json) })
    )
  })
  decodeEventsBy(agent, decodeAny)
  return agent
}

const committed = {
  sequence: Schema.Int,
  epoch: Schema.Int,
  activityId: ActivityId.ActivityId,
  type: Schema.String,
  priority: Priority.Priority,
  payload: json,
  correlationId: Schema.optionalKey(Schema.String),
  attempts: Schema.Int,
  at: Timestamp.Timestamp
}

/** Activities of any name: they may be more by now. */
const decodeAny = Schema.decodeUnknownExit(
  Schema.toCodecJson(
    Schema.Union([
      Schema.TaggedStruct("Processed", { ...committed, reply: Schema.optionalKey(json) }),
      Schema.TaggedStruct("Failed", { ...committed, error: Receipt.ErrorJson }),
      Schema.TaggedStruct("Emitted", {
        activityId: ActivityId.ActivityId,
        type: Schema.String,
        attempt: Schema.Int,
        index: Schema.Int,
        value: json,
        at: Timestamp.Timestamp
      }),
      Schema.TaggedStruct("Gap", { epoch: Schema.Int, missed: Schema.Int, from: Schema.Int, to: Schema.Int }),
      Schema.TaggedStruct("End", { reason: Schema.Literals(["terminated", "shutdown"]) })
    ])
  )
)

export const Described = Schema.Struct({
  items: Schema.Array(
    Schema.Struct({ name: Schema.String, activities: Schema.Array(Schema.Struct({ type: Schema.String })) })
  )
})
