/**
 * Where in the dashboard one is. It stands in the address, so that it can be kept, sent and gone back from.
 */
import { signal } from "@preact/signals"

export const tabs = ["talk", "overview", "events", "dead-letters", "subscribers"] as const
export type Tab = (typeof tabs)[number]

export interface Route {
  readonly id: string | undefined
  readonly tab: Tab | undefined
}

const isTab = (text: string | undefined): text is Tab => (tabs as ReadonlyArray<string | undefined>).includes(text)

export const parse = (hash: string): Route => {
  const [, id, tab] = /^#\/([^/]+)(?:\/([^/]+))?$/.exec(hash) ?? []
  return { id: id === undefined ? undefined : decodeURIComponent(id), tab: isTab(tab) ? tab : undefined }
}

export const format = (id: string | undefined, tab?: Tab): string =>
  id === undefined ? "#/" : `#/${encodeURIComponent(id)}${tab === undefined ? "" : `/${tab}`}`

export const route = signal<Route>(parse(location.hash))

addEventListener("hashchange", () => (route.value = parse(location.hash)))

export const go = (id: string | undefined, tab?: Tab): void => {
  location.hash = format(id, tab)
}
