import { defineConfig } from "vitest/config"

// The checks of what is published: they run on the built packages, as a stranger gets them.
export default defineConfig({
  test: { root: import.meta.dirname, include: ["test/**/*.check.ts"], testTimeout: 180_000, hookTimeout: 180_000 }
})
