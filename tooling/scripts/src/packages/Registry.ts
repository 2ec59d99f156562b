import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { runServer } from "verdaccio"
import { run } from "../Subprocess.ts"

/** A npm registry on this machine: it holds what is published to it, and passes on to the public one for the rest. */
export interface Registry {
  readonly url: string
  /** What an `.npmrc` says to publish to it. */
  readonly npmrc: string
  /** Publishes an archive as `npm publish` does. */
  readonly publish: (tarball: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Starts a registry that keeps its data in `folder`. */
export const start = async (folder: string): Promise<Registry> => {
  mkdirSync(folder, { recursive: true })
  const upstream = execFileSync("npm", ["config", "get", "registry"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })
  const app = await runServer({
    self_path: join(folder, "config.yaml"),
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    uplinks: { npmjs: { url: upstream.trim(), maxage: "1h" } },
    packages: {
      "@agent-runtime/*": { access: "$all", publish: "$all", unpublish: "$all" },
      "**": { access: "$all", proxy: "npmjs" }
    },
    log: { type: "stdout", format: "pretty", level: "fatal" }
  })
  const server = app.listen(0, "127.0.0.1")
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject))
  const { port }: AddressInfo = server.address()
  const url = `http://127.0.0.1:${port}/`
  const npmrc = `registry=${url}\n//127.0.0.1:${port}/:_authToken=local\n`
  const userconfig = join(folder, ".npmrc")
  writeFileSync(userconfig, npmrc)
  return {
    url,
    npmrc,
    publish: async (tarball) => {
      const args = ["publish", tarball, "--registry", url, "--provenance=false", "--userconfig", userconfig]
      const { code, output } = await run("npm", args, { cwd: folder })
      if (code !== 0) throw new Error(`npm publish ${tarball} ended with code ${code}\n${output}`)
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
