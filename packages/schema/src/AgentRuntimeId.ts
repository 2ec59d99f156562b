/**
 * The name of one agent runtime.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * 1 to 64 letters, digits, `_` or `-`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentRuntimeId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/)).pipe(
  Schema.brand("AgentRuntimeId")
)
/**
 * @category models
 * @since 0.1.0
 */
export type AgentRuntimeId = typeof AgentRuntimeId.Type

/**
 * Whether a string can name a runtime.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAgentRuntimeId: (value: unknown) => value is AgentRuntimeId = Schema.is(AgentRuntimeId)
