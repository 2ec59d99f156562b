/** Freezes a value and all it holds, so that a workflow that mutates its state dies instead of spoiling it. */
export const freeze = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const key of Object.keys(value)) freeze((value as Record<string, unknown>)[key])
}
