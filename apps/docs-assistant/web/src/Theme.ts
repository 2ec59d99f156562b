/**
 * Light or dark: as the system says, until the reader says otherwise.
 */
import { computed, effect, signal } from "@preact/signals"

export type Theme = "light" | "dark"

const key = "docs-assistant/theme"
const system = matchMedia("(prefers-color-scheme: dark)")
const isSystemDark = signal(system.matches)
system.addEventListener("change", () => (isSystemDark.value = system.matches))

const kept = localStorage.getItem(key)
const chosen = signal<Theme | undefined>(kept === "light" || kept === "dark" ? kept : undefined)

export const theme = computed<Theme>(() => chosen.value ?? (isSystemDark.value ? "dark" : "light"))

export const toggle = (): void => {
  const next = theme.value === "dark" ? "light" : "dark"
  // What the system says anyway needs no choice.
  chosen.value = next === (isSystemDark.value ? "dark" : "light") ? undefined : next
  if (chosen.value === undefined) localStorage.removeItem(key)
  else localStorage.setItem(key, chosen.value)
}

effect(() => {
  document.documentElement.dataset["theme"] = theme.value
})
