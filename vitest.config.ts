import { defineConfig } from "vitest/config"

// Tests run on the sources of the packages: nothing has to be built first.
const conditions = ["@agent-runtime/source", "module", "node", "development|production"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "tooling/*/test/**/*.test.ts"],
    // Far beyond what anything takes: a test that fails says that something is wrong, not that the machine is busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // Workflows that die do so on purpose, and are in the log: it is shown of what fails.
    silent: "passed-only"
  }
})
