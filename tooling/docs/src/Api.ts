import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { format } from "oxfmt"
import { packages } from "./contents.ts"
import { type Declared, readDeclarations } from "./Declarations.ts"
import { groupBy } from "./groupBy.ts"

/** The page of one module, as Markdown. */
export interface ApiModule {
  readonly package: string
  readonly name: string
  readonly path: string
  readonly markdown: string
  readonly exports: ReadonlyArray<string>
}

/** Longer signatures, in lines, are types that the compiler inferred and nobody reads to their end. */
const longest = 100

const shorten = (signature: string): string => {
  const lines = signature.split("\n")
  return lines.length <= longest
    ? signature
    : [...lines.slice(0, longest / 2), `// … ${lines.length - longest / 2} more lines`].join("\n")
}

const style = { printWidth: 88, semi: false, trailingComma: "none" } as const

const formatSignature = async (signature: string, where: string): Promise<string> => {
  const { code, errors } = await format("signature.d.ts", `declare ${signature}`, style)
  if (errors.length > 0) throw new Error(`${where}: ${errors[0]?.message}`)
  return shorten(code.trim().replace(/^declare /, ""))
}

const entry = async (declared: Declared, where: string): Promise<string> => {
  const { description, examples, since } = declared.comment
  const signatures = await Promise.all(
    declared.signatures.map((signature) => formatSignature(signature, `${where}.${declared.name}`))
  )
  return [
    `### ${declared.name} {#${declared.name}}`,
    description,
    `\`\`\`ts\n${signatures.join("\n\n")}\n\`\`\``,
    ...examples.map((example) => `Example:\n\n${example}`),
    since === undefined ? "" : `<p class="since">Since ${since}</p>`
  ]
    .filter((part) => part !== "")
    .join("\n\n")
}

const readModule = async (root: string, pkg: string, name: string): Promise<ApiModule> => {
  const dist = join(root, "packages", pkg, "dist")
  const { comment, exports } = readDeclarations(join(dist, `${name}.d.ts`))
  const fromIndex = readFileSync(join(dist, "index.d.ts"), "utf8").includes(`export * as ${name} `)
  const specifier = `@agent-runtime/${pkg}`
  const categories = groupBy(exports, ({ comment }) => comment.category ?? "other")
  const sections = await Promise.all(
    Array.from(categories, async ([category, members]) => {
      const entries = await Promise.all(members.map((member) => entry(member, `${specifier}/${name}`)))
      return [
        `## ${category.slice(0, 1).toUpperCase()}${category.slice(1)} {#category-${category.replaceAll(/\W+/g, "-")}}`,
        ...entries
      ].join("\n\n")
    })
  )
  const imports = fromIndex
    ? `import { ${name} } from "${specifier}"`
    : `import * as ${name} from "${specifier}/${name}"`
  return {
    package: pkg,
    name,
    path: `api/${pkg}/${name}.html`,
    markdown: [`# ${name}`, `\`\`\`ts\n${imports}\n\`\`\``, comment.description, ...sections].join("\n\n"),
    exports: exports.map((each) => each.name)
  }
}

/** Reads every module of every package as it was built. */
export const readApi = async (root: string): Promise<ReadonlyArray<ApiModule>> => {
  const modules = packages.flatMap((pkg) =>
    readdirSync(join(root, "packages", pkg, "dist"))
      .filter((file) => file.endsWith(".d.ts") && file !== "index.d.ts")
      .map((file) => readModule(root, pkg, file.slice(0, -".d.ts".length)))
  )
  return Promise.all(modules)
}
