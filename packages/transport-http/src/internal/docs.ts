const escape = (text: unknown): string =>
  String(text).replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? char)

type Node = Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)

const entries = (value: unknown): ReadonlyArray<readonly [string, Node]> =>
  isNode(value) ? Object.entries(value).filter((entry): entry is [string, Node] => isNode(entry[1])) : []

const list = (value: unknown): ReadonlyArray<Node> => (Array.isArray(value) ? value.filter(isNode) : [])

/** A schema as text, with a link to each schema it refers to. */
const schema = (value: unknown): string =>
  escape(JSON.stringify(value, null, 2)).replace(
    /&quot;#\/components\/schemas\/([\w.-]+)&quot;/g,
    (_, name: string) => `<a href="#${name}">${name}</a>`
  )

const content = (value: unknown): string =>
  entries(value)
    .map(([type, { schema: shape }]) => `<p><code>${escape(type)}</code></p><pre>${schema(shape)}</pre>`)
    .join("")

const parameter = (node: Node): string => {
  const shape = isNode(node.schema) ? node.schema : {}
  const what = [shape.description, shape.pattern === undefined ? undefined : `matches ${String(shape.pattern)}`]
  return `<li><code>${escape(node.name)}</code> in ${escape(node.in)} ${escape(what.filter(Boolean).join("; "))}</li>`
}

const operation = (path: string, method: string, node: Node): string => `<section>
<h2><code>${escape(method.toUpperCase())} ${escape(path)}</code></h2>
<p>${escape(node.summary ?? "")}</p>
<ul>${list(node.parameters).map(parameter).join("")}</ul>
${isNode(node.requestBody) ? `<details><summary>Body</summary>${content(node.requestBody.content)}</details>` : ""}
${entries(node.responses)
  .map(
    ([status, response]) =>
      `<details><summary>${escape(status)} ${escape(response.description)}</summary>${content(response.content)}</details>`
  )
  .join("\n")}
</section>`

/** The API to read, as one page of HTML without scripts and without network. */
export const renderDocs = (openApi: Node): string => {
  const info = isNode(openApi.info) ? openApi.info : {}
  const components = isNode(openApi.components) ? openApi.components : {}
  const operations = entries(openApi.paths).flatMap(([path, item]) =>
    entries(item).map(([method, node]) => operation(path, method, node))
  )
  const schemas = entries(components.schemas).map(
    ([name, shape]) => `<h3 id="${escape(name)}">${escape(name)}</h3><pre>${schema(shape)}</pre>`
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(info.title)}</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
section { border-top: 1px solid #8886; padding: .5rem 0 }
h2 { font-size: 1.1rem; margin: .5rem 0 }
pre { overflow: auto; background: #8881; padding: .75rem; font-size: .85rem }
</style>
</head>
<body>
<h1>${escape(info.title)}</h1>
<p>${escape(info.description)} The same as <code>GET /openapi.json</code>.</p>
${operations.join("\n")}
<h1>Schemas</h1>
${schemas.join("\n")}
</body>
</html>
`
}
