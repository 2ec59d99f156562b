import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type App, events, fail, get, post, start } from "./support/App.ts"
import * as ModelServer from "./support/ModelServer.ts"

let folder: string
let apps: Array<App>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "docs-assistant-"))
  apps = []
})

afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop("SIGKILL")))
  await rm(folder, { recursive: true })
})

const open = async (args: ReadonlyArray<string>, env?: Record<string, string>) => {
  const app = await start(["--data", join(folder, "data.sqlite"), ...args], env)
  apps.push(app)
  return app
}

const zoo = async () => {
  const docs = join(folder, "docs")
  await mkdir(docs, { recursive: true })
  await writeFile(
    join(docs, "zoo.md"),
    "# Zoo\n\n## Penguins\n\nPenguins are fed at noon.\n\n## Lions\n\nLions eat meat.\n"
  )
  return docs
}

const ask = (app: App, question: string) =>
  post(`${app.url}/v1/runtimes/talk/activities?wait=30s`, { type: "Ask", payload: { question } })

describe("docs-assistant", () => {
  it("answers how to bound a queue from the documentation it comes with, and streams the passages", async () => {
    const app = await open([])
    const created = await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    expect(created.status).toBe(201)

    const stream = events(`${app.url}/v1/runtimes/talk/events?from=earliest`)
    const first = stream.next()
    const { body } = await ask(app, "How do I bound a queue?")
    expect(body).toMatchObject({ status: "succeeded", reply: { answer: expect.stringContaining("Queue.bounded") } })
    const { passages } = (body as { reply: { passages: Array<{ file: string }> } }).reply
    expect(passages.slice(0, 3).map((_) => _.file)).toContain("node_modules/effect/src/Queue.ts")

    const seen = [(await first).value]
    while (seen.at(-1)?.event !== "Processed") seen.push((await stream.next()).value)
    expect(seen.map((_) => _?.event)).toEqual([...passages.map(() => "Emitted"), "Emitted", "Processed"])
    expect(seen[0]?.data).toMatchObject({ type: "Ask", index: 0, value: { _tag: "Passage", passage: passages[0] } })
    await stream.return(undefined)
  })

  it("indexes the folder it is given, under a runtime of its own", async () => {
    const docs = await zoo()
    const app = await open(["--docs", docs])
    await expect
      .poll(() => get(`${app.url}/v1/runtimes?agent=DocumentIndex`))
      .toMatchObject({ items: [{ state: { folder: docs, indexed: { files: 1, skipped: 0 } } }] })
    await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    const { body } = await ask(app, "When are penguins fed?")
    expect(body).toMatchObject({
      reply: { passages: [{ file: `${docs}/zoo.md`, firstLine: 3, lastLine: 5, heading: "Zoo › Penguins" }] }
    })
  })

  it("answers an empty question with QuestionEmpty and goes on", async () => {
    const app = await open(["--docs", await zoo()])
    await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    const { body } = await ask(app, "  ")
    expect(body).toMatchObject({ status: "failed", error: { _tag: "QuestionEmpty", message: "The question is empty" } })
    expect((await ask(app, "lions")).body).toMatchObject({ status: "succeeded" })
  })

  it("keeps conversations over a stop and over being killed", async () => {
    const docs = await zoo()
    let app = await open(["--docs", docs])
    await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    await ask(app, "penguins")
    expect(await app.stop("SIGTERM")).toEqual({ code: 0, stderr: "" })

    app = await open(["--docs", docs])
    expect(await get(`${app.url}/v1/runtimes/talk`)).toMatchObject({
      sequence: 1,
      state: { conversation: [{ question: "penguins" }] }
    })
    await ask(app, "lions")
    expect(await app.stop("SIGKILL")).toMatchObject({ code: null })

    app = await open(["--docs", docs])
    expect(await get(`${app.url}/v1/runtimes/talk`)).toMatchObject({
      sequence: 2,
      state: { conversation: [{ question: "penguins" }, { question: "lions" }] }
    })
  })

  it("keeps an answer that waits for a human over being killed", async () => {
    const docs = await zoo()
    const model = await ModelServer.listen()
    const env = {
      DOCS_ASSISTANT_LLM_URL: model.url,
      DOCS_ASSISTANT_LLM_KEY: "sk-secret",
      DOCS_ASSISTANT_LLM_MODEL: "gpt-4o-mini"
    }
    try {
      let app = await open(["--docs", docs], env)
      expect(app.output()).toContain(`Answers come from gpt-4o-mini at ${new URL(model.url).host}.`)
      await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
      model.next(ModelServer.calls(["read_document", { file: `${docs}/zoo.md` }]))
      expect((await ask(app, "Who eats what?")).body).toMatchObject({
        reply: { approvals: [{ tool: "read_document" }] }
      })
      await app.stop("SIGKILL")

      app = await open(["--docs", docs], env)
      model.next(ModelServer.says("Lions eat meat."))
      const { body } = await post(`${app.url}/v1/runtimes/talk/activities?wait=30s`, { type: "Approve" })
      expect(body).toMatchObject({ status: "succeeded", priority: "urgent", reply: { answer: "Lions eat meat." } })
    } finally {
      await model.close()
    }
  })

  it("sees what changes in its folder, in folders inside it, and what is gone", async () => {
    const docs = await zoo()
    const app = await open(["--docs", docs])
    await post(`${app.url}/v1/runtimes`, { agent: "DocsAssistant", id: "talk" })
    const found = async (question: string) => {
      const { body } = await ask(app, question)
      return (body as { reply: { passages: Array<{ file: string }> } }).reply.passages.map((_) => _.file)
    }
    const [indexer] = ((await get(`${app.url}/v1/runtimes?agent=DocumentIndex`)) as { items: Array<{ id: string }> })
      .items
    await post(`${app.url}/v1/runtimes/${indexer?.id}/activities?wait=30s`, { type: "Index" })

    await mkdir(join(docs, "seas/cold"), { recursive: true })
    await writeFile(join(docs, "seas/cold/walrus.md"), "# Walrus\n\nThe only one.\n")
    await expect.poll(() => found("walrus")).toEqual([`${docs}/seas/cold/walrus.md`])
    await writeFile(join(docs, "seas/cold/walrus.md"), "# Narwhal\n\nThe only one.\n")
    await expect.poll(() => found("narwhal")).toEqual([`${docs}/seas/cold/walrus.md`])
    await rm(join(docs, "seas"), { recursive: true })
    await expect.poll(() => found("narwhal")).toEqual([])

    // Who ends the runtime of the folder does not end the watch.
    await fetch(`${app.url}/v1/runtimes/${indexer?.id}`, { method: "DELETE" })
    await writeFile(join(docs, "puffin.md"), "# Puffin\n\nThe only one.\n")
    await expect.poll(() => found("puffin")).toEqual([`${docs}/puffin.md`])
  })

  it("stops at SIGTERM and at SIGINT while it indexes, with code 0 and nothing on standard error", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const app = await open([])
      expect(await app.stop(signal)).toEqual({ code: 0, stderr: "" })
    }
  })

  it("ends the runtime of a folder that it is not started with again", async () => {
    const docs = await zoo()
    await (await open(["--docs", docs])).stop("SIGTERM")
    await mkdir(join(folder, "other"))
    const app = await open(["--docs", join(folder, "other")])
    await expect
      .poll(() => get(`${app.url}/v1/runtimes?agent=DocumentIndex`))
      .toMatchObject({ items: [{ state: { folder: join(folder, "other") } }] })
  })

  describe("says in one line why it cannot start, and ends with code 1:", () => {
    const cases: ReadonlyArray<
      readonly [what: string, args: () => Promise<Array<string>> | Array<string>, says: RegExp]
    > = [
      ["a folder that is not there", () => ["--docs", join(folder, "missing")], /^There is no folder ".*missing"$/],
      ["a folder that is a file", async () => ["--docs", `${await zoo()}/zoo.md`], /^".*zoo.md" is not a folder: /],
      ["an unknown option", () => ["--dcos", "x"], /^Unknown option '--dcos' \(--help lists the options\)$/],
      ["a bad port", () => ["--port", "70000"], /^--port takes a number from 0 to 65535, not "70000"$/],
      [
        "a data file that is something else",
        async () => ["--port", "0", "--data", `${await zoo()}/zoo.md`],
        /zoo\.md is damaged or is not an SQLite database/
      ],
      [
        "a data file nowhere",
        () => ["--data", join(folder, "no/such/file")],
        /^The data file ".*" cannot be made: the folder around it does not exist$/
      ],
      [
        "an address that others reach, without tokens",
        () => ["--host", "0.0.0.0", "--port", "0", "--data", join(folder, "data.sqlite")],
        /^0\.0\.0\.0 can be reached by others: /
      ],
      [
        "tokens that are none",
        async () => ["--tokens", `${await zoo()}/zoo.md`, "--data", join(folder, "data.sqlite"), "--port", "0"],
        /zoo\.md is no list of /
      ]
    ]
    it.for(cases)("%s", async ([, args, says]) => {
      const { code, stderr } = await fail(await args())
      expect(stderr.trimEnd()).toMatch(says)
      expect(stderr.trimEnd().split("\n")).toHaveLength(1)
      expect(code).toBe(1)
    })

    it("a data file that another has", async () => {
      await open(["--docs", await zoo()])
      const { code, stderr } = await fail(["--port", "0", "--data", join(folder, "data.sqlite")])
      expect(stderr).toMatch(/^.*data\.sqlite is in use by another docs-assistant: choose another with --data\n$/)
      expect(code).toBe(1)
    })

    it("a data file that another has: nothing in its folder is touched", async () => {
      const data = join(folder, "data.sqlite")
      const lock = new DatabaseSync(`${data}-lock`)
      lock.exec("BEGIN EXCLUSIVE")
      await writeFile(`${data}.index`, "as the other has left it")
      const before = await readdir(folder)
      const { code } = await fail(["--docs", await zoo(), "--port", "0", "--data", data])
      expect(await readdir(folder)).toEqual([...before, "docs"].sort())
      expect(await readFile(`${data}.index`, "utf8")).toBe("as the other has left it")
      expect(code).toBe(1)
      lock.close()
    })

    it("a key for a language model without a model", async () => {
      const { code, stderr } = await fail(["--port", "0", "--data", join(folder, "data.sqlite")], {
        DOCS_ASSISTANT_LLM_KEY: "sk-secret"
      })
      expect(stderr).toBe("DOCS_ASSISTANT_LLM_KEY is set: say which model to use with DOCS_ASSISTANT_LLM_MODEL\n")
      expect(code).toBe(1)
    })

    it("a port in use", async () => {
      const other = createServer()
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
      const address = other.address()
      const port = typeof address === "object" ? String(address?.port) : ""
      const { code, stderr } = await fail(["--port", port, "--data", join(folder, "data.sqlite")])
      other.close()
      expect(stderr).toBe(`Port ${port} of 127.0.0.1 is in use: choose another with --port, or 0 for any free one\n`)
      expect(code).toBe(1)
    })
  })
})
