import { Cause, Effect } from "effect"

/** A fault of the runtime itself, in a step that nobody waits for: it must neither stop the steps behind it nor pass unseen. */
export const reportDefect = (defect: unknown): void => {
  Effect.runFork(Effect.logFatal("A step of the agent runtime broke", Cause.die(defect)))
}

/** Runs a step that must not stop those behind it; answers nothing where it breaks. */
export const unlessBroken = <A>(run: () => A): A | undefined => {
  try {
    return run()
  } catch (defect) {
    reportDefect(defect)
    return undefined
  }
}
