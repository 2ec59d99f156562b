import { build } from "esbuild"
import { mkdtempSync, readFileSync, rmSync, globSync, existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { layering } from "../src/packages/Picture.ts"
import { promised } from "../src/packages/Promised.ts"
import { pack, type Tarball } from "../src/packages/Tarball.ts"
import { packages, publicModules, root } from "../src/packages/Workspace.ts"
import { run } from "../src/Subprocess.ts"

// What `pnpm publish` would send, looked at from the outside. `pnpm check:packages --update` accepts new export names.

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "packages-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("promises something of each package", () => {
  assert.sameMembers(
    packages.map(({ name }) => name),
    Object.keys(promised)
  )
})

it("imports along the picture in the documentation", async () => {
  await expect(layering()).toMatchFileSnapshot("../../../docs/layering.md")
})

describe.each(packages)("$name", (each) => {
  const promise = promised[each.name] ?? { dependencies: [] }
  const { manifest } = each
  let tarball: Tarball

  beforeAll(async () => {
    tarball = await pack(each, folder)
  })

  it("says what it is, and is licensed", () => {
    assert.strictEqual(manifest.name, `@agent-runtime/${each.name}`)
    assert.isNotEmpty(manifest.description)
    assert.include([...(manifest.keywords ?? [])], "effect")
    assert.strictEqual(manifest.license, "MIT")
    assert.strictEqual(manifest.repository?.directory, `packages/${each.name}`)
    assert.isDefined(manifest.engines?.["node"])
    assert.strictEqual(manifest.type, "module")
    assert.strictEqual(manifest.sideEffects, false)
    assert.deepInclude(manifest.publishConfig, { access: "public", provenance: true })
    for (const file of ["README.md", "LICENSE", "package.json"]) assert.include(tarball.files, file)
  })

  it("brings nothing but what is promised", () => {
    assert.sameMembers(Object.keys(manifest.dependencies ?? {}), [...promise.dependencies])
  })

  it("asks for the range of effect that its modules' stability allows", () => {
    const unstable = globSync("src/**/*.ts", { cwd: each.folder }).filter((file) =>
      /^(?!\s*\*).*\bfrom "effect\/(?!testing["/])[a-z]/m.test(readFileSync(join(each.folder, file), "utf8"))
    )
    assert.strictEqual(manifest.peerDependencies?.["effect"], unstable.length > 0 ? "~4.1.0" : "^4.1.0", `${unstable}`)
  })

  it("holds code, types and sources, and nothing else", () => {
    const beside = tarball.files.filter(
      (file) =>
        !/^(dist\/.+\.(js|js\.map|d\.ts|d\.ts\.map)|src\/.+\.ts|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/.test(
          file
        )
    )
    assert.deepStrictEqual(beside, [])
    const stale = tarball.files.filter(
      (file) =>
        /^dist\/.+\.js$/.test(file) && !existsSync(join(each.folder, file.replace(/^dist\/(.+)\.js$/, "src/$1.ts")))
    )
    assert.deepStrictEqual(stale, [], "built from sources that are gone: remove dist and build again")
  })

  it("has a source map with its source for each module", () => {
    const modules = tarball.files.filter((file) => file.endsWith(".js"))
    assert.isNotEmpty(modules)
    for (const file of modules) {
      const map: { sources: Array<string>; sourcesContent?: Array<string | null> } = JSON.parse(
        readFileSync(join(each.folder, `${file}.map`), "utf8")
      )
      assert.lengthOf(map.sourcesContent ?? [], map.sources.length, file)
      for (const source of map.sourcesContent ?? []) assert.isString(source, file)
    }
  })

  it("is resolved by bundlers and Node as its exports say", async () => {
    const bin = join(root, "tooling/scripts/node_modules/.bin")
    const publint = await run(join(bin, "publint"), [tarball.path, "--strict"])
    assert.strictEqual(publint.code, 0, publint.output)
    const attw = await run(join(bin, "attw"), [tarball.path, "--profile", "esm-only", "--no-color", "--no-emoji"])
    assert.strictEqual(attw.code, 0, attw.output)
  })

  it("keeps its internals closed", async () => {
    const internal = globSync("dist/internal/*.js", { cwd: each.folder }).map((file) =>
      file.slice("dist/internal/".length, -3)
    )
    for (const name of ["anything", ...internal]) {
      const program = `import("${manifest.name}/internal/${name}").then(() => {}, (error) => console.log(error.code))`
      const { output } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: each.folder })
      assert.strictEqual(output.trim(), "ERR_PACKAGE_PATH_NOT_EXPORTED", name)
    }
  })

  it("exports these names", async () => {
    const lines: Array<string> = []
    for (const name of publicModules(each)) {
      const module: object = await import(
        /* @vite-ignore */ pathToFileURL(join(each.folder, "dist", `${name}.js`)).href
      )
      lines.push(name === "index" ? manifest.name : `${manifest.name}/${name}`)
      lines.push(
        ...Object.keys(module)
          .toSorted()
          .map((key) => `  ${key}`)
      )
    }
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`snapshots/${each.name}.exports.snap`)
  })

  it("is as small as promised", async ({ skip, annotate }) => {
    if (promise.size === undefined) return skip("no size is promised")
    const { entry, bytes } = promise.size
    const { outputFiles } = await build({
      entryPoints: [join(each.folder, "dist", `${entry}.js`)],
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      platform: "neutral",
      external: ["effect", "@agent-runtime/*", "@effect/*"]
    })
    const size = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).byteLength
    await annotate(`${each.name}/${entry}: ${size} of ${bytes} bytes`)
    assert.isAtMost(size, bytes)
  })
})
