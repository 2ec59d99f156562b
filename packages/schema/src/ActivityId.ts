/**
 * The name of one activity, which is also its idempotency key within its runtime and epoch.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

const pattern = /^[A-Za-z0-9_.:-]{1,128}$/

/**
 * 1 to 128 letters, digits, `_`, `.`, `:` or `-`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ActivityId = Schema.String.check(Schema.isPattern(pattern)).pipe(Schema.brand("ActivityId"))
/**
 * @category models
 * @since 0.1.0
 */
export type ActivityId = typeof ActivityId.Type

/**
 * Whether a string can name an activity.
 *
 * @category guards
 * @since 0.1.0
 */
export const isActivityId = (value: unknown): value is ActivityId => typeof value === "string" && pattern.test(value)
