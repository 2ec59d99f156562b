import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { post, start } from "./support/App.ts"
import * as ModelServer from "./support/ModelServer.ts"

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
}

/** A collector of OpenTelemetry, as far as it takes JSON. */
const collect = async () => {
  const spans: Array<Span> = []
  const paths = new Set<string>()
  const server = createServer((request, response) => {
    let text = ""
    request.setEncoding("utf8").on("data", (some: string) => (text += some))
    request.on("end", () => {
      paths.add(request.url ?? "")
      if (request.url === "/v1/traces") {
        for (const { scopeSpans } of JSON.parse(text).resourceSpans) {
          for (const scope of scopeSpans) spans.push(...scope.spans)
        }
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    spans,
    paths,
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    close: () => server.close()
  }
}

it("traces a question in one unbroken tree, from the HTTP request to the call of the model", async () => {
  const folder = await mkdtemp(join(tmpdir(), "docs-assistant-"))
  await writeFile(join(folder, "zoo.md"), "# Zoo\n\nPenguins are fed at noon.\n")
  const model = await ModelServer.listen()
  const collector = await collect()
  const app = await start(["--docs", folder, "--data", join(folder, "data.sqlite")], {
    DOCS_ASSISTANT_LLM_URL: model.url,
    DOCS_ASSISTANT_LLM_KEY: "sk-secret",
    DOCS_ASSISTANT_LLM_MODEL: "gpt-4o-mini",
    DOCS_ASSISTANT_LOG: "json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"
  })
  try {
    await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    model.next(ModelServer.says("At noon [1]."))
    const { body } = await post(`${app.url}/v1/runtimes/talk/activities?wait=30s`, {
      type: "Ask",
      payload: { question: "When are penguins fed?" }
    })
    expect(body).toMatchObject({ reply: { answer: "At noon [1]." } })
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    expect(metrics).toMatch(/DocsAssistant/)
    expect(await app.stop("SIGTERM")).toEqual({ code: 0, stderr: "" })

    const path: Array<string> = []
    const ofModel = collector.spans.find(({ name }) => name === "LanguageModel.streamText")
    let span = collector.spans.find(({ parentSpanId }) => parentSpanId === ofModel?.spanId)
    for (; span !== undefined; span = collector.spans.find((_) => _.spanId === span?.parentSpanId))
      path.unshift(span.name)
    expect(path).toEqual(["POST", "DocsAssistant.Ask", "LanguageModel.streamText", "POST"])
    expect([...collector.paths].sort()).toEqual(["/v1/logs", "/v1/metrics", "/v1/traces"])
    expect(JSON.stringify(collector.spans)).not.toContain("sk-secret")

    const logs = app
      .output()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
    expect(logs).toContainEqual(expect.objectContaining({ level: "INFO", message: expect.stringContaining(folder) }))
  } finally {
    await app.stop("SIGKILL")
    await model.close()
    collector.close()
    await rm(folder, { recursive: true })
  }
})
