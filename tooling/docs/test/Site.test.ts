import { expect, it } from "vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { packages } from "../src/contents.ts"
import { buildSite } from "../src/Site.ts"

const root = join(import.meta.dirname, "../../..")
const { files, problems } = await buildSite(root)

it("has every document, and no link that leads nowhere", () => {
  expect(problems).toEqual([])
})

it("draws diagrams and asks nothing of the network", () => {
  const page = files.get("layering.html") ?? ""
  expect(page).toContain("<svg")
  const fetching = Array.from(files).filter(
    ([path, content]) =>
      /\.(html|css)$/.test(path) &&
      /@import|url\(\s*['"]?http|<(?:script|link|img)[^>]*(?:src|href)="https?:/.test(content)
  )
  expect(fetching.map(([path]) => path)).toEqual([])
})

it.each(packages)("explains each name that %s exports", (name) => {
  const dist = join(root, "packages", name, "dist")
  const exported = readdirSync(dist)
    .filter((file) => /^[A-Z]\w+\.js$/.test(file))
    .flatMap((file) => {
      const code = readFileSync(join(dist, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "")
      const lists = Array.from(
        code.matchAll(/^export \{([^}]*)\}/gm),
        ([, list = ""]) => list.match(/\w+(?=\s*(?:,|$))/g) ?? []
      )
      const declared = Array.from(code.matchAll(/^export (?:const|class|function) (\w+)/gm), ([, each]) => each)
      const page = files.get(`api/${name}/${file.slice(0, -3)}.html`)
      return [...lists.flat(), ...declared].map((each) => ({
        name: `${file}: ${each}`,
        explained: page?.includes(` id="${each}"`)
      }))
    })
  expect(exported.length).toBeGreaterThan(0)
  expect(exported.filter(({ explained }) => explained !== true)).toEqual([])
})

it("finds an export through the search", () => {
  expect(files.get("assets/search.json")).toContain('"api/core/RuntimeManager.html#layerDurable"')
})
