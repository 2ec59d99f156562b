/** Bytes of each package alone, minified and compressed. */
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import type { Case } from "../Case.ts"

const kilobyte = 1024

/** What a browser or a bundle downloads for `entry`, a built file, without `effect` and what is counted on its own. */
const bundleBytes = async (entry: string, external: ReadonlyArray<string>): Promise<number> => {
  const { build } = await import("esbuild")
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve(entry))],
    bundle: true,
    format: "esm",
    minify: true,
    platform: "neutral",
    external: [...external],
    write: false,
    logLevel: "silent"
  })
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).byteLength
}

const alone = ["effect", "effect/*", "@agent-runtime/*"]

const bounded = (name: string, entry: string, limit: number): Case => ({
  name: `size/${name}`,
  measures: `Everything that ${entry} exports, bundled, minified and compressed, without effect and the packages below it.`,
  unit: "bytes",
  exact: true,
  ours: () => bundleBytes(entry, alone),
  peers: { [`${limit} KB`]: limit * kilobyte },
  targets: [{ peer: `${limit} KB`, ratio: 1 }]
})

export const cases: ReadonlyArray<Case> = [
  bounded("mailbox", "@agent-runtime/mailbox", 4),
  bounded("schema", "@agent-runtime/schema", 5),
  bounded("core", "@agent-runtime/core", 14),
  bounded("client", "@agent-runtime/transport-http/AgentApiClient", 6)
]
