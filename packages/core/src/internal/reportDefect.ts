import { Cause, Effect } from "effect"

/** A fault of the runtime itself, in a step that nobody waits for: it must neither stop the steps behind it nor pass unseen. */
export const reportDefect = (defect: unknown): void => {
  Effect.runFork(Effect.logFatal("A step of the agent runtime broke", Cause.die(defect)))
}
