import { setImmediate as nextTurn } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { RuntimeManager, RuntimeStore } from "@agent-runtime/core"
import { AgentError } from "@agent-runtime/schema"
import { Authorization } from "@agent-runtime/transport-http"
import { Duration, Effect, Layer, Tracer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ask, start, type TestServer } from "./support/TestServer.ts"

let server: TestServer
let last = 0
const id = () => `a${++last}`

beforeAll(async () => {
  server = await start({
    config: { mailboxCapacity: 4, maxRuntimes: 200, grace: Duration.millis(100) },
    limits: { bodyBytes: 10_000, grace: Duration.millis(100) }
  })
})
afterAll(() => server.close())

const runtimes = (path = "") => `${server.url}/v1/runtimes${path}`

const create = async (): Promise<string> => {
  const name = id()
  await ask(runtimes(), { json: { agent: "Account", id: name } })
  return name
}

const send = (name: string, json: unknown, query = "") => ask(runtimes(`/${name}/activities${query}`), { json })

describe("runtimes", () => {
  it("R1 create answers 201 with what it made and where, a second one 409", async () => {
    const name = id()
    const made = await ask(runtimes(), { json: { agent: "Account", id: name, state: { balance: 5 } } })
    expect([made.status, made.headers.get("location")]).toEqual([201, `/v1/runtimes/${name}`])
    expect(made.body).toMatchObject({ id: name, agent: "Account", status: "idle", state: { balance: 5 }, sequence: 0 })
    const again = await ask(runtimes(), { json: { agent: "Account", id: name } })
    expect([again.status, again.body._tag]).toEqual([409, "AgentRuntimeAlreadyExists"])
  })

  it("R1 create refuses a bad id, an unknown agent, a bad state and a bad body", async () => {
    const tag = async (json: unknown) => {
      const { body, status } = await ask(runtimes(), { json })
      return [status, body._tag, body.path]
    }
    expect(await tag({ agent: "Account", id: "a b" })).toEqual([400, "RuntimeIdInvalid", undefined])
    expect(await tag({ agent: "Nobody" })).toEqual([404, "AgentNotFound", undefined])
    expect(await tag({ agent: "Account", state: { balance: "x" } })).toEqual([
      400,
      "RequestInvalid",
      ["state", "balance"]
    ])
    expect(await tag({ id: "x" })).toEqual([400, "RequestInvalid", ["agent"]])
    expect(await tag([])).toEqual([400, "RequestInvalid", []])
  })

  it("R2 list pages by id, and refuses a bad limit or status", async () => {
    for (const name of ["page-1", "page-2", "page-3"]) {
      await ask(runtimes(), { json: { agent: "Account", id: name } })
    }
    const first = await ask(runtimes("?prefix=page-&limit=2"))
    expect(first.body.items).toMatchObject([{ id: "page-1" }, { id: "page-2" }])
    const second = await ask(runtimes(`?prefix=page-&limit=2&cursor=${String(first.body.nextCursor)}`))
    expect(second.body).toMatchObject({ items: [{ id: "page-3" }] })
    expect(second.body.nextCursor).toBeUndefined()
    for (const query of ["limit=0", "limit=1001", "limit=x", "status=sleepy"]) {
      const { body, status } = await ask(runtimes(`?${query}`))
      expect([query, status, body._tag]).toEqual([query, 400, "RequestInvalid"])
    }
  })

  it("R2 delete ends a runtime; then it is not found", async () => {
    const name = await create()
    expect((await ask(runtimes(`/${name}?mode=immediate`), { method: "DELETE" })).status).toBe(204)
    for (const method of ["GET", "DELETE"]) {
      const { body, status } = await ask(runtimes(`/${name}`), { method })
      expect([status, body._tag]).toEqual([404, "AgentRuntimeNotFound"])
    }
    expect((await ask(runtimes("/x?mode=gently"), { method: "DELETE" })).body._tag).toBe("RequestInvalid")
    expect((await ask(runtimes("/a%20b"))).body._tag).toBe("RuntimeIdInvalid")
  })

  it("R1 more runtimes than a server takes are 429 with Retry-After", async () => {
    const small = await start({ config: { maxRuntimes: 1 } })
    await ask(`${small.url}/v1/runtimes`, { json: { agent: "Account" } })
    const refused = await ask(`${small.url}/v1/runtimes`, { json: { agent: "Account" } })
    expect([refused.status, refused.body._tag, refused.headers.get("retry-after")]).toEqual([
      429,
      "TooManyRuntimes",
      "10"
    ])
    await small.close()
  })

  it("R2 while a runtime drains it takes nothing new: 410", async () => {
    const name = await create()
    await send(name, { type: "Audit", id: "audit" })
    const ending = ask(runtimes(`/${name}?mode=drain&grace=30s`), { method: "DELETE" })
    while ((await ask(runtimes(`/${name}`))).body.status !== "draining");
    const refused = await send(name, { type: "Balance" })
    expect([refused.status, refused.body._tag]).toEqual([410, "AgentRuntimeTerminated"])
    await ask(runtimes(`/${name}/activities/audit`), { method: "DELETE" })
    expect((await ending).status).toBe(204)
  })

  it("D6 a store that cannot be reached is 503 with Retry-After, and names neither its file nor its host", async () => {
    const cut = await start()
    const { get } = cut.manager
    Object.assign(cut.manager, {
      get: () => Effect.fail(new AgentError.StoreUnavailable({ message: "/srv/a.sqlite is full", reason: "full" }))
    })
    for (const json of [undefined, { type: "Balance" }]) {
      const path = json === undefined ? "/v1/runtimes/a" : "/v1/runtimes/a/activities"
      const { body, headers, status } = await ask(`${cut.url}${path}`, { json })
      expect([status, headers.get("retry-after")]).toEqual([503, "1"])
      const message = "The store of the server is unavailable: try again later"
      expect(body).toEqual({ _tag: "StoreUnavailable", message, reason: "full" })
    }
    expect(cut.logs.filter((line) => line.startsWith("/srv/a.sqlite is full"))).toHaveLength(2)
    Object.assign(cut.manager, { get })
    await cut.close()
  })

  it("R4 pause and resume answer the info", async () => {
    const name = await create()
    expect((await ask(runtimes(`/${name}/pause`), { method: "POST" })).body.status).toBe("paused")
    expect((await ask(runtimes(`/${name}/resume`), { method: "POST" })).body.status).toBe("idle")
  })
})

describe("activities", () => {
  it("P3 send answers 202 with a receipt and its place, which stands at 200 once it has ended", async () => {
    const name = await create()
    const sent = await send(name, { type: "Deposit", payload: { amount: 3 }, id: "d1", correlationId: "c" })
    expect([sent.status, sent.headers.get("location")]).toEqual([202, `/v1/runtimes/${name}/activities/d1`])
    expect(sent.body).toMatchObject({ activityId: "d1", runtimeId: name, type: "Deposit", priority: "standard" })
    expect(sent.body.acceptedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    const place = `${server.url}${String(sent.headers.get("location"))}`
    const ended = await ask(`${place}?wait=5s`)
    expect(ended.body).toMatchObject({ status: "succeeded", sequence: 1, attempts: 1 })
    const again = await send(name, { type: "Deposit", payload: { amount: 3 }, id: "d1" })
    expect([again.status, again.body.status]).toEqual([200, "succeeded"])
    const other = await send(name, { type: "Deposit", payload: { amount: 4 }, id: "d1" })
    expect([other.status, other.body._tag]).toEqual([409, "ActivityConflict"])
  })

  it("P3 wait answers 200 with the reply or the declared error, or 202 when it is over first", async () => {
    const name = await create()
    const balance = await send(name, { type: "Balance" }, "?wait=5s")
    expect([balance.status, balance.body.reply]).toEqual([200, 0])
    const broke = await send(name, { type: "Withdraw", payload: { amount: 1 } }, "?wait=5s")
    expect([broke.status, broke.body.error]).toEqual([200, { _tag: "Broke", left: 0, message: "Broke" }])
    const audit = await send(name, { type: "Audit", id: "audit" }, "?wait=20ms")
    expect([audit.status, audit.body.status]).toEqual([202, "running"])
    for (const wait of ["soon", "-1s", "5", "1h"]) {
      expect((await send(name, { type: "Balance" }, `?wait=${wait}`)).body._tag).toBe("RequestInvalid")
    }
  })

  it("P3 nothing is left of who has waited", async () => {
    const spans: Array<WeakRef<Tracer.Span>> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(new WeakRef(span))
        return span
      }
    })
    const grace = Duration.millis(100)
    const traced = await start({ tracer, config: { grace }, limits: { grace } })
    await ask(`${traced.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    await ask(`${traced.url}/v1/runtimes/a/activities`, { json: { type: "Audit", id: "runs" } })
    const before = spans.length
    for (let i = 0; i < 100; i++) await ask(`${traced.url}/v1/runtimes/a/activities/runs?wait=1ms`)
    expect(spans.length - before).toBeGreaterThanOrEqual(100)
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    // What has just ended may still be on the stack.
    for (let i = 0; i < 3; i++) {
      await nextTurn()
      collect()
    }
    expect(spans.slice(before).filter((span) => span.deref() !== undefined).length).toBeLessThan(10)
    await traced.close()
  })

  it("P9 an activity id has up to 128 characters, a longer one is refused as such", async () => {
    const name = await create()
    const longest = "x".repeat(128)
    expect((await send(name, { type: "Balance", id: longest })).status).toBe(202)
    expect((await ask(runtimes(`/${name}/activities/${longest}`))).status).toBe(200)
    expect((await ask(runtimes(`/${name}/activities/${longest}x`))).body).toMatchObject({
      _tag: "RequestInvalid",
      path: ["activityId"]
    })
    expect((await ask(runtimes(`/${"x".repeat(200)}`))).body._tag).toBe("RuntimeIdInvalid")
  })

  it("P11 cancel answers what became of it, an unknown activity is 404", async () => {
    const name = await create()
    await send(name, { type: "Audit", id: "audit" })
    const cancelled = await ask(runtimes(`/${name}/activities/audit`), { method: "DELETE" })
    expect([cancelled.status, cancelled.body.status]).toEqual([200, "cancelled"])
    for (const method of ["GET", "DELETE"]) {
      const { body, status } = await ask(runtimes(`/${name}/activities/none`), { method })
      expect([status, body._tag]).toEqual([404, "ActivityNotFound"])
    }
  })

  it("P1 what does not fit is 400 with the path of the fault", async () => {
    const name = await create()
    const path = async (json: unknown) => (await send(name, json)).body
    expect(await path({ type: "Deposit", payload: { amount: "x" } })).toMatchObject({
      _tag: "ActivityInvalid",
      path: ["payload", "amount"]
    })
    expect(await path({ type: "Nothing" })).toMatchObject({ _tag: "ActivityInvalid", path: ["type"] })
    expect(await path({})).toMatchObject({ _tag: "ActivityInvalid", path: ["type"] })
    expect(await path({ type: "Balance", priority: "now" })).toMatchObject({
      _tag: "ActivityInvalid",
      path: ["priority"]
    })
    expect(await path({ type: "Balance", id: "a b" })).toMatchObject({ _tag: "ActivityInvalid", path: ["id"] })
    expect(await path({ type: "Balance", deliverAt: "soon" })).toMatchObject({ path: ["deliverAt"] })
    expect(await path(7)).toMatchObject({ _tag: "ActivityInvalid", path: [] })
    expect((await ask(runtimes(`/${name}`))).body.sequence).toBe(0)
  })

  it("P7 what tolerates no other of its kind is 409", async () => {
    const name = await create()
    expect((await send(name, { type: "Alone" })).status).toBe(202)
    const busy = await send(name, { type: "Alone" })
    expect([busy.status, busy.body._tag]).toEqual([409, "AgentRuntimeBusy"])
  })

  it("P13 a full lane is 429 with Retry-After", async () => {
    const name = await create()
    await ask(runtimes(`/${name}/pause`), { method: "POST" })
    for (let i = 0; i < 4; i++) await send(name, { type: "Balance" })
    const full = await send(name, { type: "Balance" })
    expect([full.status, full.body._tag, full.headers.get("retry-after")]).toEqual([429, "MailboxFull", "1"])
    expect(full.body).toMatchObject({ lane: "standard", capacity: 4 })
    expect((await send(name, { type: "Freeze" })).status).toBe(202)
  })

  it("many are judged alone, in order, as an array or as lines", async () => {
    const name = await create()
    const items = [{ type: "Deposit", payload: { amount: 1 }, id: "m1" }, { type: "Nothing" }, 7]
    const list = await send(name, items, "?wait=1s")
    expect(list.body.items).toMatchObject([
      { receipt: { activityId: "m1" } },
      { error: { _tag: "ActivityInvalid", path: ["type"] } },
      { error: { _tag: "ActivityInvalid", path: [] } }
    ])
    const lines = await ask(runtimes(`/${name}/activities`), {
      raw: `${JSON.stringify({ type: "Balance", id: "m2" })}\n\n{no json\n{"type":"Balance"}`,
      headers: { "content-type": "application/x-ndjson" }
    })
    expect([lines.status, lines.headers.get("content-type")]).toEqual([200, "application/x-ndjson"])
    expect(
      lines.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    ).toMatchObject([{ receipt: { activityId: "m2" } }, { error: { _tag: "RequestInvalid" } }, { receipt: {} }])
  })

  it("more in one request than a server takes are 413, as an array and as lines, and none is sent", async () => {
    const few = await start({ limits: { activitiesPerRequest: 3 } })
    await ask(`${few.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    const activities = `${few.url}/v1/runtimes/a/activities`
    const send = (count: number) =>
      ask(activities, { json: Array.from({ length: count }, () => ({ type: "Balance" })) })
    const sendLines = (count: number) =>
      ask(activities, {
        raw: `{"type":"Balance"}\n\n`.repeat(count),
        headers: { "content-type": "application/x-ndjson" }
      })
    for (const answer of [await send(4), await sendLines(4)]) {
      expect([answer.status, answer.body._tag, answer.body.limit]).toEqual([413, "PayloadTooLarge", 3])
    }
    expect((await ask(`${few.url}/v1/runtimes/a`)).body).toMatchObject({ sequence: 0, status: "idle" })
    expect([(await send(3)).status, (await sendLines(3)).status]).toEqual([200, 200])
    await few.close()
  })

  it("P5 dead letters are listed, replayed with 202 and discarded with 204", async () => {
    const name = await create()
    await send(name, { type: "Die", payload: { secret: "s" }, id: "dead" }, "?wait=5s")
    const letters = runtimes(`/${name}/dead-letters`)
    expect((await ask(letters)).body.items).toMatchObject([
      { activityId: "dead", type: "Die", payload: { secret: "s" }, attempts: 1, error: { _tag: "WorkflowDefect" } }
    ])
    const replayed = await ask(`${letters}/dead/replay`, { method: "POST" })
    expect([replayed.status, replayed.body.activityId]).toEqual([202, "dead"])
    await ask(runtimes(`/${name}/activities/dead?wait=5s`))
    expect((await ask(`${letters}/dead`, { method: "DELETE" })).status).toBe(204)
    expect((await ask(letters)).body).toEqual({ items: [] })
    expect((await ask(`${letters}/dead`, { method: "DELETE" })).body._tag).toBe("ActivityNotFound")
  })
})

describe("the server itself", () => {
  it("tells its agents with JSON Schema of what they speak", async () => {
    const { body } = await ask(`${server.url}/v1/agents`)
    expect(body.items).toMatchObject([
      {
        name: "Account",
        version: 1,
        state: { type: "object", required: ["balance"] },
        activities: expect.arrayContaining([
          expect.objectContaining({ type: "Freeze", priority: "urgent" }),
          expect.objectContaining({ type: "Balance", success: expect.objectContaining({ type: "integer" }) })
        ])
      },
      { name: "Noted" }
    ])
  })

  it("is healthy and ready, and counts runtimes by agent and status in Prometheus' format", async () => {
    expect((await ask(`${server.url}/healthz`)).body).toEqual({ status: "ok" })
    expect((await ask(`${server.url}/readyz`)).body).toEqual({ status: "ready" })
    const { headers, text } = await ask(`${server.url}/metrics`)
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(text).toMatch(/^agent_runtimes\{agent="Account",status="idle"\} [1-9]/m)
  })

  it("shows its documents without scripts and without network", async () => {
    const { headers, text } = await ask(`${server.url}/docs`)
    expect(headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(text).toContain("POST /v1/runtimes/{id}/activities")
    expect(text).not.toMatch(/<script|https?:\/\//)
  })
})

describe("the request log", () => {
  it("tells method, route, status and milliseconds of each request at Debug, and nothing that may be a secret", async () => {
    const debugging = await start({
      logLevel: "Debug",
      authorization: Authorization.layerTokens([{ token: "canary-token", principal: "a", scopes: ["manage", "send"] }])
    })
    const headers = { authorization: "Bearer canary-token" }
    const json = { agent: "Account", id: "a" }
    await ask(`${debugging.url}/v1/runtimes`, { json, headers })
    const activity = { type: "Die", payload: { secret: "canary-payload" } }
    await ask(`${debugging.url}/v1/runtimes/a/activities?wait=5s&query=canary`, { json: activity, headers })
    await ask(`${debugging.url}/canary`, { method: "PUT" })
    const told = debugging.logs.flatMap((line) => {
      const annotations = /^Answered a request .*?(\{.*\})$/.exec(line)?.[1]
      return annotations === undefined ? [] : [JSON.parse(annotations)]
    })
    expect(told).toEqual([
      { method: "POST", route: "/v1/runtimes", status: 201, millis: expect.any(Number) },
      { method: "POST", route: "/v1/runtimes/:id/activities", status: 200, millis: expect.any(Number) },
      { method: "PUT", route: "unknown", status: 404, millis: expect.any(Number) }
    ])
    expect(debugging.logs.filter((line) => line.startsWith("Answered")).join()).not.toContain("canary")
    await debugging.close()
  })

  it("names the trace that a request belongs to", async () => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const traced = await start({ logLevel: "Debug", tracer })
    await ask(`${traced.url}/healthz`)
    const [told] = traced.logs
    expect(spans.map(({ spanId, traceId }) => told?.includes(spanId) && told.includes(traceId))).toContain(true)
    await traced.close()
  })
})

describe("with a store", () => {
  it("R2 purge removes what is kept of one life, not of a later one", async () => {
    const manager = RuntimeManager.layerDurable.pipe(Layer.provide(RuntimeStore.layerMemory))
    const stored = await start({ manager })
    const live = async () => {
      const { body } = await ask(`${stored.url}/v1/runtimes`, { json: { agent: "Account", id: "twice" } })
      await ask(`${stored.url}/v1/runtimes/twice`, { method: "DELETE" })
      return Number(body["epoch"])
    }
    const purge = async (epoch: number) => {
      const url = `${stored.url}/v1/runtimes/twice/purge?epoch=${epoch}`
      return (await ask(url, { method: "POST" })).status
    }
    const first = await live()
    const second = await live()
    expect(second).toBeGreaterThan(first)
    expect(await purge(first)).toBe(404)
    expect((await ask(`${stored.url}/v1/runtimes/twice`)).body).toMatchObject({ status: "terminated", epoch: second })
    expect(await purge(second)).toBe(204)
    expect((await ask(`${stored.url}/v1/runtimes/twice`)).status).toBe(404)
    await stored.close()
  })
})
