import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { get as httpGet } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import { type App, built, get, post, start } from "../test/support/App.ts"
import { calls, holds, listen, type ModelServer, type Reply, says } from "../test/support/ModelServer.ts"
import { findBarriers, patience, seen, type Visitor, visit } from "./support/Visitor.ts"

let folder: string
let model: ModelServer
let app: App
let visitor: Visitor
/** The errors that a test expects of the browser while there is no server. */
const unreachable = /ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_NETWORK/

const startApp = (port: string) =>
  start(
    ["--port", port, "--docs", join(folder, "docs"), "--data", join(folder, "data.sqlite")],
    { DOCS_ASSISTANT_LLM_KEY: "none", DOCS_ASSISTANT_LLM_MODEL: "test", DOCS_ASSISTANT_LLM_URL: model.url },
    built
  )

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "docs-assistant-e2e-"))
  await mkdir(join(folder, "docs"))
  const chapters = ["Penguins are fed at noon.", "Lions eat meat, twice a day.", "Bears sleep all winter."]
  for (const text of chapters) {
    const [animal = ""] = text.split(" ")
    await writeFile(join(folder, "docs", `${animal.toLowerCase()}.md`), `# Zoo\n\n## ${animal}\n\n${text}\n`)
  }
  model = await listen()
  ;[app, visitor] = await Promise.all([startApp("0"), visit()])
  await visitor.page.goto(app.url)
})

afterAll(async () => {
  await visitor?.close()
  await app?.stop("SIGKILL")
  await model?.close()
  await rm(folder, { recursive: true })
})

/** What is shown follows what is known: a moment later. */
const patiently = { timeout: patience }

const at = (id: string) => visitor.page.getByTestId(id)
const turns = () => at("turn")

const beginConversation = async (): Promise<string> => {
  await visitor.page.goto(`${app.url}/#/`)
  await at("new").click()
  await at("question").waitFor()
  return decodeURIComponent(new URL(visitor.page.url()).hash.split("/")[1] ?? "")
}

const ask = async (question: string, priority = "standard") => {
  await at("priority").selectOption(priority)
  await at("question").fill(question)
  await at("question").press("Enter")
  await seen(turns(), question)
}

/** Answers with the question that it was asked, so that one sees which it was. */
const echoes: Reply = (response, request) => {
  const asked = request.body.messages.at(-1)?.content?.split("\n")[0] ?? ""
  says(`You asked: ${asked}`)(response, request)
}

/** How many bytes a browser is sent. */
const transferred = (url: string) =>
  new Promise<number>((resolve, reject) => {
    httpGet(url, { headers: { "accept-encoding": "gzip" } }, async (response) => {
      let bytes = 0
      for await (const chunk of response) bytes += chunk.length
      resolve(bytes)
    }).on("error", reject)
  })

it("shows the folders that are indexed, and that it is live", async () => {
  await seen(at("connection"), "Live")
  await at("runtime").waitFor()
  await visitor.look("0-start")
  expect(await findBarriers(visitor.page)).toEqual([])
  await at("runtime").click()
  await seen(at("indexed"), "3 documents")
  await visitor.look("1-folder")
  expect(await findBarriers(visitor.page)).toEqual([])
})

it("streams an answer, and opens the passages that it cites", async () => {
  await beginConversation()
  await visitor.look("2-empty-conversation")
  const held = holds("Penguins are fed ", "at noon [1].")
  model.next(held.reply)
  await ask("When are penguins fed?")
  await seen(turns(), "Penguins are fed")
  await visitor.page.locator("[data-status=answering]").waitFor()
  await visitor.look("3-answering")

  held.release()
  await seen(visitor.page.locator("[data-status=answered]"), "at noon")
  await at("citation").first().waitFor()
  await visitor.page.getByRole("button", { name: "Passage 1", exact: true }).click()
  await seen(at("passage"), "Penguins are fed at noon.")
  await visitor.look("4-passage")
  expect(await findBarriers(visitor.page)).toEqual([])
  await visitor.page.keyboard.press("Escape")
  await at("passage").waitFor({ state: "hidden" })
  await visitor.look("5-answered")
  expect(await findBarriers(visitor.page)).toEqual([])
})

it("cancels a long answer; the conversation goes on", async () => {
  await beginConversation()
  const held = holds("It is a long story", "")
  model.next(held.reply)
  await ask("Tell me about lions")
  await seen(turns(), "It is a long story")
  await at("cancel").click()
  await visitor.page.locator("[data-status=failed]").waitFor()
  await model.requests.at(-1)?.gone
  await expect
    .poll(() => turns().locator(".answer").innerText(), patiently)
    .toContain("It is a long story\n\nCancelled.")
  await visitor.look("6-cancelled")

  model.next(echoes)
  await ask("And bears?")
  await seen(turns(), "You asked: And bears?")
})

it("lets an urgent question pass those that wait", async () => {
  await beginConversation()
  await at("pause").click()
  await seen(at("status"), "paused")
  await ask("First?")
  await ask("Second?", "background")
  await ask("Now!", "urgent")
  await at("tab-overview").click()
  await seen(at("lane-urgent"), "1 of")
  await seen(at("lane-standard"), "1 of")
  await seen(at("lane-background"), "1 of")
  await at("chart-depth").locator("canvas").waitFor()
  await visitor.look("7-backlog")
  expect(await findBarriers(visitor.page)).toEqual([])

  model.next(echoes, echoes, echoes)
  await at("resume").click()
  await at("tab-events").click()
  await visitor.page.locator("[data-testid=event][data-outcome=Processed]").nth(2).waitFor()
  await at("filter-outcome").selectOption("Processed")
  const asked = async () => {
    const rows = await at("event").locator(".note").allTextContents()
    return rows.map((row) => /"question":"([^"]*)"/.exec(row)?.[1])
  }
  await expect.poll(asked, patiently).toEqual(["Second?", "First?", "Now!"])
  await visitor.look("8-events")
  expect(await findBarriers(visitor.page)).toEqual([])
  await at("filter-priority").selectOption("urgent")
  await expect.poll(asked, patiently).toEqual(["Now!"])
})

it("asks a human before a tool that wants leave", async () => {
  await beginConversation()
  model.next(calls(["read_document", { file: join(folder, "docs/bears.md") }]), says("All winter."))
  await ask("How long do bears sleep?")
  await at("approval").waitFor()
  await visitor.look("9-approval")
  expect(await findBarriers(visitor.page)).toEqual([])
  await at("approve").click()
  await seen(visitor.page.locator("[data-status=answered]"), "All winter.")
  expect(await turns().count()).toBe(1)
})

it(
  "reconnects to a server that was killed, without a gap, and replays a dead letter",
  { timeout: 600_000 },
  async () => {
    const id = await beginConversation()
    model.next(echoes)
    await ask("Before?")
    await seen(turns(), "You asked: Before?")

    // What is running while the server dies three times is a dead letter.
    const held = ["first", "second", "third"].map((time) => holds(`The ${time} time`, ""))
    model.next(...held.map(({ reply }) => reply))
    await ask("Why is it so dark?")
    for (const [index, { asked }] of held.entries()) {
      await asked
      await seen(turns(), /The (first|second|third) time/)
      const { port } = new URL(app.url)
      await app.stop("SIGKILL")
      await seen(at("connection"), "Reconnecting")
      if (index === 0) await visitor.look("10-reconnecting")
      app = await startApp(port)
      await seen(at("connection"), "Live")
    }
    await seen(at("tab-dead-letters"), "1")

    // Told while the page was away or not: it has every event once.
    model.next(echoes)
    await post(`${app.url}/v1/runtimes/${id}/activities?wait=30s`, { type: "Ask", payload: { question: "Elsewhere?" } })
    await seen(turns(), "You asked: Elsewhere?")

    await at("tab-dead-letters").click()
    await seen(at("dead-letter"), "Why is it so dark?")
    await visitor.look("11-dead-letter")
    expect(await findBarriers(visitor.page)).toEqual([])
    model.next(echoes)
    await at("replay").click()
    await at("dead-letter").waitFor({ state: "detached" })
    await at("tab-talk").click()
    await seen(turns(), "You asked: Why is it so dark?")
    await visitor.look("12-replayed")

    await at("tab-events").click()
    expect(await get(`${app.url}/v1/runtimes/${id}`)).toMatchObject({ sequence: 4 })
    await expect
      .poll(() => at("event").locator(".sequence:not(:empty)").allTextContents(), patiently)
      .toEqual(["4", "3", "2", "1"])
  }
)

it("shows what was before, a page at a time", async () => {
  const id = await beginConversation()
  model.next(echoes)
  await ask("Long ago?")
  await seen(turns(), "You asked: Long ago?")
  const { url } = app
  const many = Array.from({ length: 350 }, () => ({ type: "Cancel" }))
  for (const last of [351, 701]) {
    await post(`${url}/v1/runtimes/${id}/activities`, many)
    await expect.poll(() => get(`${url}/v1/runtimes/${id}`), patiently).toMatchObject({ sequence: last })
  }

  await visitor.page.reload()
  await at("earlier").waitFor()
  await visitor.look("14-earlier-questions")
  expect(await turns().count()).toBe(0)
  for (const _ of ["102 to 401", "1 to 101"]) await at("earlier").click()
  await at("earlier").waitFor({ state: "detached" })
  await seen(turns(), "You asked: Long ago?")

  await at("tab-events").click()
  const sequences = async () => (await at("event").locator(".sequence:not(:empty)").allTextContents()).map(Number)
  for (const first of [402, 102]) {
    await expect.poll(async () => (await sequences()).at(-1), patiently).toBe(first)
    await at("earlier").scrollIntoViewIfNeeded()
    if (first === 402) await visitor.look("15-earlier-events")
    await at("earlier").click()
  }
  await expect.poll(sequences, patiently).toEqual(Array.from({ length: 701 }, (_, index) => 701 - index))
  await at("earlier").waitFor({ state: "detached" })
})

it("shows who listens, and ends a conversation", async () => {
  await beginConversation()
  await at("tab-subscribers").click()
  await at("subscribers").waitFor()
  await expect.poll(() => at("subscribers").locator("tbody tr").count(), patiently).toBe(1)
  await visitor.look("13-subscribers")
  await at("terminate").click()
  await seen(at("status"), "terminated")
})

it("can be used with the keyboard alone", async () => {
  const { page } = visitor
  await page.goto(`${app.url}/#/`)
  await at("new").focus()
  await page.keyboard.press("Enter")
  await page.locator("[data-testid=question]:focus").waitFor()
  model.next(says("Meat [1]."))
  await page.keyboard.type("What do lions eat?")
  await page.keyboard.press("Enter")
  await seen(turns(), "Meat")
  await page.keyboard.press("Shift+Tab")
  await page.locator("[data-testid=citation]:focus").waitFor()
  await page.keyboard.press("Enter")
  await seen(at("passage"), "Lions eat meat")
  await page.keyboard.press("Escape")
  await expect.poll(() => page.locator("[data-testid=citation]:focus").count(), patiently).toBe(1)
})

it("shows its first view with less than 150 KB of compressed script", async () => {
  const html = await (await fetch(app.url)).text()
  const scripts = Array.from(html.matchAll(/\/(assets\/[^"]+\.js)"/g), ([, path]) => `${app.url}/${path}`)
  const bytes = (await Promise.all(scripts.map(transferred))).reduce((sum, size) => sum + size, 0)
  expect(bytes).toBeGreaterThan(1_000)
  expect(bytes).toBeLessThan(150_000)
})

it("asks for a token where the server wants one", async () => {
  const tokens = join(folder, "tokens.json")
  const token = { token: "a-long-secret", principal: "team", scopes: ["read", "send", "manage"], prefix: "team-" }
  await writeFile(tokens, JSON.stringify([token]))
  const data = join(folder, "closed.sqlite")
  const closed = await start(["--docs", join(folder, "docs"), "--data", data, "--tokens", tokens], {}, built)
  onTestFinished(async () => void (await closed.stop("SIGKILL")))
  const page = await visitor.anew()
  await page.goto(closed.url)
  await page.getByLabel("Token").fill("a-wrong-one")
  await page.keyboard.press("Enter")
  await seen(page.getByRole("alert"), "not accepted")
  await page.getByLabel("Token").fill("a-long-secret")
  await page.keyboard.press("Enter")
  await page.getByTestId("new").click()
  await page.getByTestId("question").fill("When are penguins fed?")
  await page.keyboard.press("Enter")
  await seen(page.locator("[data-status=answered]"), "Penguins are fed at noon.")
  expect(page.url()).toContain("#/team-")
})

it("keeps the theme that is chosen", async () => {
  const { page } = visitor
  const theme = () => page.locator("html").getAttribute("data-theme")
  await at("theme").click()
  await expect.poll(theme, patiently).toBe("dark")
  await page.reload()
  await expect.poll(theme, patiently).toBe("dark")
  await at("theme").click()
})

it("writes no error to the console, but that there was no server", () => {
  expect(visitor.errors.filter((error) => !unreachable.test(error))).toEqual([])
})
