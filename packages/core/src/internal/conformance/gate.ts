import { Effect, Latch } from "effect"

/**
 * A point at which a workflow of the suite waits until its case lets it go on. Gates are found by name, so that the name
 * can travel in a payload; they are shared by what runs in one process.
 */
interface Gate {
  readonly reached: Latch.Latch
  readonly opened: Latch.Latch
}

const gates = new Map<string, Gate>()

const find = (name: string): Gate => {
  let gate = gates.get(name)
  if (gate === undefined) gates.set(name, (gate = { reached: Latch.makeUnsafe(), opened: Latch.makeUnsafe() }))
  return gate
}

/** Waits at a gate: what a workflow does. */
export const pass = (name: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const gate = find(name)
    gate.reached.openUnsafe()
    return gate.opened.await
  })

/** Waits until a workflow waits at the gate. */
export const reached = (name: string): Effect.Effect<void> =>
  // A latch resumes who waits within the workflow's own step: it comes to rest first.
  Effect.andThen(
    Effect.suspend(() => find(name).reached.await),
    Effect.yieldNow
  )

/** Lets whoever comes to the gate pass. */
export const open = (name: string): Effect.Effect<void> => Effect.sync(() => void find(name).opened.openUnsafe())
