import { once } from "node:events"
import { createServer } from "node:http"

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml"
}

/** Serves files, by their paths, to this machine and answers its address. A port that is taken gives way to a free one. */
export const serve = async (files: ReadonlyMap<string, string>, port: number): Promise<string> => {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname.slice(1)
    const file = path === "" || path.endsWith("/") ? `${path}index.html` : path
    const content = files.get(file)
    response.writeHead(content === undefined ? 404 : 200, {
      "content-type": types[file.split(".").at(-1) ?? ""] ?? "text/plain"
    })
    response.end(request.method === "HEAD" ? undefined : (content ?? "Not found"))
  })
  const listen = (port: number) => once(server.listen(port, "127.0.0.1"), "listening")
  await listen(port).catch(() => listen(0))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : port}/`
}
