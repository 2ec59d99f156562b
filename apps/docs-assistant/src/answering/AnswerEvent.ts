/**
 * What is told while an answer is made. Pure data: a dashboard can import it.
 */
import { Schema } from "effect"
import { FoundPassage } from "../library/Passage.ts"

/**
 * A passage that the answer may be taken from. The first is cited as `[1]`, the next as `[2]`, and so on.
 *
 * @category models
 * @since 0.1.0
 */
export const PassageFound = Schema.TaggedStruct("Passage", { passage: FoundPassage })

/**
 * More of the answer's text, to be added to what there is.
 *
 * @category models
 * @since 0.1.0
 */
export const Text = Schema.TaggedStruct("Text", { text: Schema.String })

/**
 * The language model uses a tool.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCalled = Schema.TaggedStruct("ToolCalled", { tool: Schema.String, parameters: Schema.Json })

/**
 * What the language model wants to do and may not without a human's leave.
 *
 * @category models
 * @since 0.1.0
 */
export const Approval = Schema.Struct({ approvalId: Schema.String, tool: Schema.String, parameters: Schema.Json })

/**
 * What the language model wants to do and may not without a human's leave.
 *
 * @category models
 * @since 0.1.0
 */
export type Approval = typeof Approval.Type

/**
 * The answer waits for a human: `Approve` or `Reject`.
 *
 * @category models
 * @since 0.1.0
 */
export const ApprovalNeeded = Schema.TaggedStruct("ApprovalNeeded", { approvals: Schema.Array(Approval) })

/**
 * What is told while an answer is made.
 *
 * @category models
 * @since 0.1.0
 */
export const AnswerEvent = Schema.Union([PassageFound, Text, ToolCalled, ApprovalNeeded])

/**
 * What is told while an answer is made.
 *
 * @category models
 * @since 0.1.0
 */
export type AnswerEvent = typeof AnswerEvent.Type
