/**
 * Points in time as they travel: milliseconds since the Unix epoch in memory, ISO 8601 in UTC on the wire.
 *
 * @since 0.1.0
 */
import { Schema, SchemaGetter } from "effect"

/**
 * Milliseconds since the Unix epoch; encoded as `2026-11-22T10:00:00.000Z`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/, {
    description: "an ISO 8601 time such as 2026-11-22T10:00:00.000Z"
  }),
  Schema.makeFilter((text: string) => !Number.isNaN(Date.parse(text)) || "a time that exists")
).pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform((text: string) => Date.parse(text)),
    encode: SchemaGetter.transform((millis: number) => new Date(millis).toISOString())
  })
)
/**
 * @category models
 * @since 0.1.0
 */
export type Timestamp = typeof Timestamp.Type
