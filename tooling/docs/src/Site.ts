import { existsSync, globSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, posix } from "node:path"
import { type ApiModule, readApi } from "./Api.ts"
import { contents } from "./contents.ts"
import { groupBy } from "./groupBy.ts"
import { makeRender } from "./Markdown.ts"
import { type Navigation, toHtml } from "./Page.ts"
import { makeSearch } from "./Search.ts"

/** The site, and what is wrong with it. */
export interface Site {
  /** Contents by path. */
  readonly files: ReadonlyMap<string, string>
  /** Documents that are missing or not listed, and links that lead nowhere. */
  readonly problems: ReadonlyArray<string>
}

const repository = "https://github.com/agent-runtime/agent-runtime/blob/main/"

/** From one page of the site to a path from the site's root: the site works below any address. */
const relative = (from: string, to: string): string => posix.relative(posix.dirname(from), to)

const apiIndex = (modules: ReadonlyArray<ApiModule>): string => {
  const packages = groupBy(modules, (module) => module.package)
  const sections = Array.from(packages, ([name, modules]) =>
    [
      `## @agent-runtime/${name}`,
      ...modules.map(({ exports, name, path }) => {
        const links = exports.map((each) => `[\`${each}\`](${relative("api/index.html", path)}#${each})`)
        return `**[${name}](${relative("api/index.html", path)})**: ${links.join(", ")}`
      })
    ].join("\n\n")
  )
  return ["# API reference", "Everything that the packages export, by module.", ...sections].join("\n\n")
}

const isLocal = (href: string): boolean => !/^(https?|mailto|data):/.test(href)

/** Where a page links to, within the site. */
const targetsOf = (path: string, html: string): ReadonlyArray<string> =>
  Array.from(html.matchAll(/ (?:href|src)="([^"]*)"/g), ([, href = ""]) => href)
    .filter(isLocal)
    .map((href) => (href.startsWith("#") ? path + href : posix.normalize(posix.join(posix.dirname(path), href))))

const deadLinks = (files: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const targets = new Set(files.keys())
  for (const [path, html] of files) {
    for (const [, id] of html.matchAll(/ id="([^"]*)"/g)) targets.add(`${path}#${id}`)
  }
  return Array.from(files)
    .filter(([path]) => path.endsWith(".html"))
    .flatMap(([path, html]) =>
      targetsOf(path, html)
        .filter((target) => !targets.has(target))
        .map((target) => `${path} links to ${target}, which is not there`)
    )
}

/** Renders the whole site. */
export const buildSite = async (root: string): Promise<Site> => {
  const modules = await readApi(root)
  const render = await makeRender()
  const search = makeSearch()
  const problems: Array<string> = []
  const sources = contents
    .flatMap((group) => group.sources)
    .filter(({ file }) => existsSync(join(root, file)) || !problems.push(`${file} is missing`))
  const pageOf = new Map(sources.map(({ file, path }) => [file, path]))
  for (const file of globSync("docs/**/*.md", { cwd: root })) {
    if (!pageOf.has(file)) problems.push(`${file} is not in the contents of the site`)
  }

  const files = new Map<string, string>()

  /** A link between documents becomes one between their pages, a picture comes along, any other file is in the repository. */
  const resolver = (file: string, page: string) => (href: string) => {
    if (!isLocal(href) || href.startsWith("#")) return href
    const [path = "", hash] = href.split("#")
    const target = posix.normalize(posix.join(posix.dirname(file), path))
    if (!existsSync(join(root, target))) problems.push(`${file} links to ${href}, which is not there`)
    if (target.endsWith(".svg")) {
      const picture = `assets/${posix.basename(target)}`
      files.set(picture, readFileSync(join(root, target), "utf8"))
      return relative(page, picture)
    }
    const found = pageOf.get(target) ?? pageOf.get(posix.join(target, "README.md"))
    if (found === undefined) return `${repository}${target}`
    return `${relative(page, found)}${hash === undefined ? "" : `#${hash}`}`
  }

  const rendered = [
    ...sources.map(({ file, label, path }) => {
      const document = render(readFileSync(join(root, file), "utf8"), resolver(file, path))
      return { path, label: label ?? document.title, document, edit: `${repository}${file}` }
    }),
    ...modules.map(({ markdown, name, package: pkg, path }) => ({
      path,
      label: name,
      document: render(markdown, (href) => href),
      edit: `${repository}packages/${pkg}/src/${name}.ts`
    })),
    {
      path: "api/index.html",
      label: "All exports",
      document: render(apiIndex(modules), (href) => href),
      edit: undefined
    }
  ]

  const labels = new Map(rendered.map(({ label, path }) => [path, label]))
  const link = (path: string) => ({ path, label: labels.get(path) ?? path })
  const navigation: Navigation = [
    ...contents.map(({ sources, title }) => ({
      title,
      links: sources.filter(({ path }) => labels.has(path)).map(({ path }) => link(path)),
      folds: false
    })),
    { title: "API reference", links: [link("api/index.html")], folds: false },
    ...Array.from(
      groupBy(modules, (module) => module.package),
      ([title, modules]) => ({ title, links: modules.map(({ path }) => link(path)), folds: true })
    )
  ]

  for (const { document, edit, path } of rendered) {
    files.set(path, toHtml({ path, document, navigation, edit, relative: (to) => relative(path, to) }))
    if (path !== "api/index.html") search.add(path, document)
  }
  const assets = join(import.meta.dirname, "../assets")
  const minisearch = join(dirname(createRequire(import.meta.url).resolve("minisearch")), "../es/index.js")
  files.set("assets/style.css", readFileSync(join(assets, "style.css"), "utf8"))
  files.set("assets/site.js", readFileSync(join(assets, "site.js"), "utf8"))
  files.set("assets/minisearch.js", readFileSync(minisearch, "utf8").replace(/\n\/\/# sourceMappingURL.*/, ""))
  files.set("assets/search.json", search.toJson())
  return { files, problems: [...problems, ...deadLinks(files)] }
}
