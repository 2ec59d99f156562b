/**
 * How soon an activity wants to be processed. Each priority is a lane of the runtime's mailbox.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The priorities, highest first.
 *
 * @category constants
 * @since 0.1.0
 */
export const priorities = ["urgent", "standard", "background"] as const

/**
 * `urgent` goes next, `standard` is the default, `background` waits for quiet moments but never starves.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Priority = Schema.Literals(priorities)
/**
 * @category models
 * @since 0.1.0
 */
export type Priority = typeof Priority.Type

/**
 * Whether a value is one of the priorities.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPriority: (value: unknown) => value is Priority = Schema.is(Priority)
