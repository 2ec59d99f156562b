import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./Workspace.ts"

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: ReadonlyArray<string>]

/** A package manager, as a stranger uses it in an empty folder. */
export interface Manager {
  readonly name: string
  readonly install: (packages: ReadonlyArray<string>) => Command
  /** Writes the configuration that it reads besides `.npmrc`. */
  readonly configure?: (project: string, registry: string) => void
}

export const npm: Manager = {
  name: "npm",
  install: (packages) => ["npm", "install", "--no-audit", "--no-fund", ...packages]
}

export const pnpm: Manager = {
  name: "pnpm",
  install: (packages) => ["npx", "-y", "pnpm@12", "add", ...packages],
  // The default age that a release must have would refuse what was published a second ago.
  configure: (project) =>
    writeFileSync(join(project, "pnpm-workspace.yaml"), "minimumReleaseAge: 0\npmOnFail: ignore\n")
}

/** Runs Yarn. */
export const yarnCommand: Command = ["npx", "-y", "-p", "@yarnpkg/cli-dist@4.18.1", "yarn"]

/** Yarn as it is by default: Plug'n'Play, without `node_modules`. */
export const yarn: Manager = {
  name: "yarn",
  install: (packages) => [...yarnCommand, "add", ...packages],
  configure: (project, registry) => {
    writeFileSync(
      join(project, ".yarnrc.yml"),
      `npmRegistryServer: "${registry}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nnpmMinimalAgeGate: 0\n`
    )
    writeFileSync(join(project, "yarn.lock"), "")
  }
}

export const bun: Manager = {
  name: "bun",
  install: (packages) => [join(root, "tooling/scripts/node_modules/.bin/bun"), "add", ...packages]
}
