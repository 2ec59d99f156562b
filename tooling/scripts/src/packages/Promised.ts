/** What is promised of a package, beyond what holds for all. */
export interface Promised {
  /** Packages that come with it, besides the peer `effect`. */
  readonly dependencies: ReadonlyArray<string>
  /** The entry whose size is limited, and the limit in bytes: minified and compressed, without its dependencies. */
  readonly size?: { readonly entry: string; readonly bytes: number }
  /** Whether its first example runs in a browser. */
  readonly browser?: boolean
}

const KB = 1024

/** By the name of the package's folder. A package that is published has an entry here. */
export const promised: Record<string, Promised> = {
  mailbox: { dependencies: [], size: { entry: "index", bytes: 4 * KB }, browser: true },
  schema: { dependencies: [], size: { entry: "index", bytes: 5 * KB }, browser: true },
  core: {
    dependencies: ["@agent-runtime/mailbox", "@agent-runtime/schema"],
    size: { entry: "index", bytes: 29 * KB }
  },
  "store-sql": { dependencies: ["@agent-runtime/core", "@agent-runtime/schema"] },
  "transport-http": {
    dependencies: ["@agent-runtime/core", "@agent-runtime/schema"],
    size: { entry: "AgentApiClient", bytes: 6 * KB }
  }
}
