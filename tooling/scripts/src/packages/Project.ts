import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Result, run } from "../Subprocess.ts"
import type { Command, Manager } from "./Manager.ts"
import type { Runtime } from "./Runtime.ts"
import { root } from "./Workspace.ts"

/** An empty project of a stranger, with a home of its own: nothing of this repository or this user reaches it. */
export interface Project {
  readonly folder: string
  readonly write: (file: string, text: string) => void
  readonly install: (manager: Manager, packages: ReadonlyArray<string>) => Promise<Result>
  readonly execute: (runtime: Runtime, file: string) => Promise<Result>
  /** Type-checks files as a stranger would who looks into the types of dependencies too. */
  readonly typeCheck: (
    resolution: "nodenext" | "bundler",
    files: ReadonlyArray<string>,
    browser: boolean
  ) => Promise<Result>
}

/** Makes an empty project in `folder` that installs from `registry`; projects with one `home` share caches. */
export const make = (folder: string, home: string, registry: string): Project => {
  mkdirSync(folder, { recursive: true })
  mkdirSync(home, { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  write("package.json", JSON.stringify({ name: "stranger", private: true, type: "module" }))
  write(".npmrc", `registry=${registry}\n`)

  const inherited = Object.entries(process.env).filter(
    ([key]) => !/^(npm|pnpm)_|^(NODE_|VITEST|CI$|INIT_CWD$)/i.test(key)
  )
  const env = {
    ...Object.fromEntries(inherited),
    PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`,
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    XDG_DATA_HOME: join(home, "data"),
    XDG_CONFIG_HOME: join(home, "config"),
    npm_config_registry: registry,
    NO_COLOR: "1"
  }
  const command = ([program, ...args]: Command) => run(program, args, { cwd: folder, env, timeout: 120_000 })

  return {
    folder,
    write,
    install: (manager, packages) => {
      manager.configure?.(folder, registry)
      return command(manager.install(packages))
    },
    execute: (runtime, file) => command(runtime.run(file)),
    typeCheck: (resolution, files, browser) => {
      const config = `tsconfig.${resolution}.json`
      const compilerOptions = {
        target: "ES2023",
        lib: ["ES2023", "DOM", "DOM.Iterable"],
        module: resolution === "nodenext" ? "NodeNext" : "Preserve",
        moduleResolution: resolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
        typeRoots: [join(root, "node_modules/@types")],
        types: browser ? [] : ["node"]
      }
      write(config, JSON.stringify({ compilerOptions, files }))
      return command([join(root, "node_modules/.bin/tsc"), "-p", config, "--pretty", "false"])
    }
  }
}
