/**
 * The activity that stops whatever a runtime is doing. Pure data: a dashboard can import it.
 */
import { ActivityType } from "@agent-runtime/schema"

/**
 * Stops what the runtime is doing, at once. What was running ends as superseded; the state stays as it last was.
 *
 * @category activities
 * @since 0.1.0
 */
export const Cancel = ActivityType.make("Cancel", { priority: "urgent", overlap: { interrupt: "supersede" } })
