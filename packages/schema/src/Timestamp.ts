/**
 * Points in time as they travel: milliseconds since the Unix epoch in memory, ISO 8601 in UTC on the wire.
 *
 * @since 0.1.0
 */
import { Schema, SchemaGetter } from "effect"

/** The years 0 to 9999: what ISO 8601 says in four digits. */
const Millis = Schema.Finite.check(Schema.isBetween({ minimum: -62_167_219_200_000, maximum: 253_402_300_799_999 }))

/** JavaScript takes the 30th of February for the 2nd of March. */
const isDay = (day: string): boolean => new Date(day).toISOString().startsWith(day)

/**
 * Milliseconds since the Unix epoch, in the years 0 to 9999; encoded as `2026-11-22T10:00:00.000Z`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/, {
    description: "an ISO 8601 time such as 2026-11-22T10:00:00.000Z"
  }),
  Schema.makeFilter(
    (text: string) => (!Number.isNaN(Date.parse(text)) && isDay(text.slice(0, 10))) || "a time that exists"
  )
).pipe(
  Schema.decodeTo(Millis, {
    decode: SchemaGetter.transform((text: string) => Date.parse(text)),
    encode: SchemaGetter.transform((millis: number) => new Date(millis).toISOString())
  })
)
/**
 * @category models
 * @since 0.1.0
 */
export type Timestamp = typeof Timestamp.Type

/**
 * Whether a number is a time that can travel.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTimestamp: (value: unknown) => value is Timestamp = Schema.is(Millis)
