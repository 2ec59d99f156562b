/**
 * The name of one activity, which is also its idempotency key within its runtime and epoch.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

const pattern = /^[A-Za-z0-9_.:-]{1,128}$/

/** In a path `.` and `..` name other things: none could ask for such an activity. */
const isAddressable = (id: string): boolean => id !== "." && id !== ".."

/**
 * 1 to 128 letters, digits, `_`, `.`, `:` or `-`, but neither `.` nor `..`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ActivityId = Schema.String.check(
  Schema.isPattern(pattern),
  Schema.makeFilter((id: string) => isAddressable(id) || "neither . nor ..")
).pipe(Schema.brand("ActivityId"))
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
export const isActivityId = (value: unknown): value is ActivityId =>
  typeof value === "string" && pattern.test(value) && isAddressable(value)
