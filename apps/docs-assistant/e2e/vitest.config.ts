import { defineConfig } from "vitest/config"

// The dashboard in a real browser, on the page that `pnpm build` has made.
export default defineConfig({
  test: { root: import.meta.dirname, include: ["*.test.ts"], testTimeout: 300_000, hookTimeout: 300_000 }
})
