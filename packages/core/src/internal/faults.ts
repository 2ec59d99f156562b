import { Context } from "effect"

/**
 * Where a fault can be injected into the processing of an activity: `taken` out of its lane and not yet started, `started`
 * and its workflow not yet called, `ended` and not yet committed, `committed` and not yet told to who asked.
 *
 * @category faults
 * @since 0.1.0
 */
export type FaultPoint = "taken" | "started" | "ended" | "committed"

/**
 * Called at each point: what it throws is the death of the processing there. It may as well end the process.
 *
 * @category faults
 * @since 0.1.0
 */
export type InjectFault = (point: FaultPoint, runtimeId: string, activityId: string) => void

/**
 * The faults that a manager is built with; none by default, at no cost.
 *
 * @category faults
 * @since 0.1.0
 */
export const Faults: Context.Reference<InjectFault | undefined> = Context.Reference<InjectFault | undefined>(
  "@agent-runtime/core/RuntimeTest/Faults",
  { defaultValue: () => undefined }
)
