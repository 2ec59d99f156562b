/** Every case, by the file that holds it. */
import type { Case } from "./Case.ts"

// A process that measures loads only the file of its own case.
const groups: Readonly<Record<string, () => Promise<{ readonly cases: ReadonlyArray<Case> }>>> = {
  mailbox: () => import("./cases/mailbox.ts"),
  core: () => import("./cases/core.ts"),
  growth: () => import("./cases/growth.ts"),
  http: () => import("./cases/http.ts"),
  store: () => import("./cases/store.ts"),
  startup: () => import("./cases/startup.ts"),
  size: () => import("./cases/size.ts")
}

export const allCases = async (): Promise<ReadonlyArray<Case>> =>
  (await Promise.all(Object.values(groups).map((load) => load()))).flatMap(({ cases }) => cases)

export const findCase = async (name: string): Promise<Case> => {
  const load = groups[name.split("/")[0] ?? ""]
  const found = load === undefined ? undefined : (await load()).cases.find((case_) => case_.name === name)
  if (found === undefined) throw new Error(`there is no case "${name}"`)
  return found
}
