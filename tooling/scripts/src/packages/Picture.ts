import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./Workspace.ts"

// Not what an example in a comment imports.
const imported = /^(?!\s*\*).*\bfrom "@agent-runtime\/([^/"]+)/gm

/** A page with a picture of which package imports which, drawn from the sources of packages and apps. */
export const layering = (): string => {
  const edges = new Set<string>()
  for (const file of globSync(["packages/*/src/**/*.ts", "apps/*/src/**/*.ts"], { cwd: root })) {
    const [, importer] = file.split("/")
    for (const [, name] of readFileSync(join(root, file), "utf8").matchAll(imported))
      edges.add(`${importer} --> ${name}`)
  }
  return `# Layering

An import points down this picture, never up and never sideways. It is drawn from the imports in the sources, and the linter
refuses an import that would turn one of its arrows around. Every package imports \`effect\`.

\`\`\`mermaid
graph TD
${[...edges]
  .toSorted()
  .map((edge) => `  ${edge}`)
  .join("\n")}
\`\`\`
`
}
