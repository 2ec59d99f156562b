import { ServerLimits } from "@agent-runtime/transport-http"
import { Duration, Effect, Schedule } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { raw, socket } from "./support/Bytes.ts"
import { ask, start, type TestServer } from "./support/TestServer.ts"

let server: TestServer
let last = 0

beforeAll(async () => {
  server = await start({ limits: { bodyBytes: 10_000 } })
})
afterAll(() => server.close())

const runtimes = (path = "") => `${server.url}/v1/runtimes${path}`

const create = async (): Promise<string> => {
  const name = `a${++last}`
  await ask(runtimes(), { json: { agent: "Account", id: name } })
  return name
}

describe("what is no request of this API", () => {
  it("an unknown path is 404 and an unknown method 405 with Allow, both in JSON", async () => {
    const missing = await ask(`${server.url}/v2`)
    expect([missing.status, missing.body._tag]).toEqual([404, "RouteNotFound"])
    const name = await create()
    const put = await ask(runtimes(`/${name}`), { method: "PUT" })
    expect([put.status, put.body._tag, put.headers.get("allow")]).toEqual([
      405,
      "MethodNotAllowed",
      "DELETE, GET, HEAD"
    ])
    const options = await ask(runtimes(), { method: "OPTIONS" })
    expect([options.status, options.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"])
    const broken = await ask(`${server.url}/v1/runtimes/%zz`)
    expect([broken.status, broken.body._tag]).toEqual([400, "RequestInvalid"])
  })

  it("a path does not end at a semicolon", async () => {
    const name = await create()
    for (const path of [`/${name};x`, `/${name};x/activities/y`]) {
      const { body, status } = await ask(runtimes(path), { method: "DELETE" })
      expect([status, body._tag]).toEqual([400, "RequestInvalid"])
    }
    expect((await ask(runtimes(`/${name}?epoch;=`))).status).toBe(200)
  })

  it("a content type that is neither JSON nor NDJSON, or absent, or compressed, is 415", async () => {
    const name = await create()
    const types: ReadonlyArray<Record<string, string>> = [
      { "content-type": "text/plain" },
      { "content-type": "application/json; charset=latin1" },
      { "content-type": "application/json", "content-encoding": "gzip" }
    ]
    for (const headers of types) {
      const { body, status } = await ask(runtimes(`/${name}/activities`), { raw: "{}", headers })
      expect([status, body._tag]).toEqual([415, "UnsupportedMediaType"])
    }
    const absent = await ask(runtimes(`/${name}/activities`), { raw: new TextEncoder().encode("{}") })
    expect(absent.status).toBe(415)
    const lines = await ask(runtimes(), { raw: "{}", headers: { "content-type": "application/x-ndjson" } })
    expect(lines.status).toBe(415)
    const utf8 = await ask(runtimes(`/${name}/activities`), {
      raw: `{"type":"Balance"}`,
      headers: { "content-type": `Application/JSON; charset="UTF-8"` }
    })
    expect(utf8.status).toBe(202)
  })

  it("a body past its limit is 413, whether it says its length or not", async () => {
    const name = await create()
    const big = JSON.stringify({ type: "Keep", payload: { value: "x".repeat(10_000) } })
    const headers = { "content-type": "application/json" }
    for (const body of [big, new Blob([big]).stream()]) {
      const answer = await ask(runtimes(`/${name}/activities`), { raw: body, headers })
      expect([answer.status, answer.body._tag, answer.body.limit]).toEqual([413, "PayloadTooLarge", 10_000])
    }
  })

  it("a body that is no JSON, no UTF-8 or nests too deep is 400", async () => {
    const name = await create()
    const headers = { "content-type": "application/json" }
    const post = async (raw: string | Uint8Array<ArrayBuffer>) => {
      const { body, status } = await ask(runtimes(`/${name}/activities`), { raw, headers })
      return [status, body._tag]
    }
    expect(await post("{")).toEqual([400, "RequestInvalid"])
    expect(await post("")).toEqual([400, "RequestInvalid"])
    expect(await post(new Uint8Array([123, 34, 255, 34, 125]))).toEqual([400, "RequestInvalid"])
    const nested = (levels: number) => `{"type":"Keep","payload":{"value":${"[".repeat(levels)}${"]".repeat(levels)}}}`
    expect(await post(nested(63))).toEqual([400, "RequestInvalid"])
    expect(await post(nested(4000))).toEqual([400, "RequestInvalid"])
    expect(await post(nested(62))).toEqual([202, undefined])
    expect(await post(`{"type":"Keep","payload":{"value":"${"[".repeat(100)}"}}`)).toEqual([202, undefined])
  })

  it("numbers that are none and keys that reach for prototypes do no harm", async () => {
    const name = await create()
    const headers = { "content-type": "application/json" }
    const post = async (raw: string) => (await ask(runtimes(`/${name}/activities?wait=5s`), { raw, headers })).body
    expect(await post(`{"type":"Deposit","payload":{"amount":1e309}}`)).toMatchObject({ _tag: "ActivityInvalid" })
    expect(await post(`{"type":"Deposit","payload":{"amount":9007199254740993}}`)).toMatchObject({
      _tag: "ActivityInvalid"
    })
    expect(
      await post(`{"__proto__":{"priority":"urgent"},"type":"Keep","payload":{"value":{"__proto__":{"polluted":1}}}}`)
    ).toMatchObject({ status: "succeeded", priority: "standard" })
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it("bytes that are no HTTP, and headers past their limit, are told so in JSON", async () => {
    expect(await socket(server.port, "HELLO\r\n\r\n")).toMatch(/^HTTP\/1.1 400 .*\{"_tag":"RequestInvalid"/s)
    const bomb = `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-bomb: ${"x".repeat(20_000)}\r\n\r\n`
    expect(await socket(server.port, bomb)).toMatch(/^HTTP\/1.1 431 .*\{"_tag":"RequestInvalid"/s)
  })

  it("a request that names no host is told so in JSON, and an expectation that is not known is ignored", async () => {
    const nameless = "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n"
    expect(await socket(server.port, nameless)).toMatch(/^HTTP\/1.1 403 .*\{"_tag":"Forbidden"/s)
    const expecting = "host: localhost\r\nexpect: a-miracle\r\nconnection: close\r\n\r\n"
    expect(await socket(server.port, `GET /healthz HTTP/1.1\r\n${expecting}`)).toMatch(/^HTTP\/1.1 200 .*"ok"/s)
    expect(await socket(server.port, `GET /nowhere HTTP/1.1\r\n${expecting}`)).toMatch(
      /^HTTP\/1.1 404 .*\{"_tag":"RouteNotFound"/s
    )
  })

  it("headers and bodies that do not come to an end are 408, and a good client goes on meanwhile", async () => {
    const limits = { headersTimeout: Duration.millis(200), requestTimeout: Duration.millis(300) }
    const patient = await start({ limits })
    const head = "POST /v1/runtimes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    const slow = [
      `${head}x-`,
      `${head}content-length: 100\r\n\r\n{`,
      `${head}transfer-encoding: chunked\r\n\r\n5\r\n{`
    ].map((text) => socket(patient.port, text))
    expect((await ask(`${patient.url}/v1/agents`)).status).toBe(200)
    for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1.1 408 .*\{"_tag":"RequestInvalid"/s)
    await patient.close()
  })

  it("a Host or an Origin that is not listed is 403, the server's own origin is fine", async () => {
    const host = `127.0.0.1:${server.port}`
    const status = async (headers: Record<string, string>) =>
      (await raw({ port: server.port, path: "/healthz", headers })).status
    expect(await status({ host: "evil.example" })).toBe(403)
    expect(await status({ host: `localhost:${server.port}` })).toBe(200)
    expect(await status({ host: `[::1]:${server.port}` })).toBe(200)
    expect(await status({ host, origin: "https://evil.example" })).toBe(403)
    expect(await status({ host, origin: "null" })).toBe(403)
    expect(await status({ host, origin: `http://${host}` })).toBe(200)
    const refused = await raw({ port: server.port, path: "/healthz", headers: { host: "evil.example" } })
    expect(JSON.parse(refused.text)).toMatchObject({ _tag: "Forbidden" })
  })

  it("a failure of the server says nothing of its cause", async () => {
    const broken = await start()
    const { list } = broken.manager
    Object.assign(broken.manager, {
      list: () => {
        throw new Error("SELECT canary FROM /etc/passwd")
      }
    })
    const { body, status, text } = await ask(`${broken.url}/v1/runtimes`)
    expect([status, body._tag]).toEqual([500, "InternalError"])
    expect(text).not.toMatch(/canary|passwd|\.ts/)
    expect(broken.logs.join()).toContain("GET /v1/runtimes failed")
    Object.assign(broken.manager, { list })
    await broken.close()
  })
})

describe("limits per principal", () => {
  it("more requests a second than allowed are 429", async () => {
    const busy = await start({ limits: { requestsPerSecond: 5 } })
    const statuses = await Promise.all(Array.from({ length: 30 }, () => ask(`${busy.url}/v1/agents`)))
    const refused = statuses.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThanOrEqual(10)
    expect(refused[0]?.body).toMatchObject({ _tag: "TooManyRequests", what: "requests", limit: 5 })
    expect(refused[0]?.headers.get("retry-after")).toBe("1")
    await busy.close()
  })

  it("more requests at once than allowed are 429, and room comes back", async () => {
    const grace = Duration.millis(100)
    const busy = await start({ limits: { connectionsPerPrincipal: 1, grace }, config: { grace } })
    await ask(`${busy.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    const asking = ask(`${busy.url}/v1/runtimes/a/activities?wait=1s`, { json: { type: "Audit", id: "x" } })
    const accepted = Effect.flatMap(busy.manager.get("a"), (runtime) => runtime.receipt("x"))
    await Effect.runPromise(Effect.retry(accepted, { schedule: Schedule.spaced("1 milli") }))
    const refused = await ask(`${busy.url}/v1/runtimes/a`)
    expect(refused.status).toBe(429)
    expect(refused.body).toMatchObject({ _tag: "TooManyRequests", what: "connections", limit: 1 })
    expect((await asking).status).toBe(202)
    expect((await ask(`${busy.url}/v1/runtimes/a`)).status).toBe(200)
    await busy.close()
  })
})

it("limits that no timer can run are refused by name", () => {
  const { infinity } = Duration
  expect(() => ServerLimits.make({ wait: infinity })).toThrow(/ServerLimits: wait must be at most/)
  expect(() => ServerLimits.make({ keepAlive: Duration.zero })).toThrow(/ServerLimits: keepAlive must be more than 0/)
  expect(() => ServerLimits.make({ stallTimeout: Duration.millis(-1) })).toThrow(/stallTimeout must be more than 0/)
  expect(ServerLimits.make({ grace: Duration.zero, wait: Duration.zero }).wait).toEqual(Duration.zero)
  expect(() => ServerLimits.make({ headersTimeout: infinity })).toThrow(/ServerLimits: headersTimeout must be at most/)
})

it("the time for headers may be any number of milliseconds", async () => {
  const odd = await start({ limits: { headersTimeout: Duration.millis(2001) } })
  expect((await ask(`${odd.url}/healthz`)).status).toBe(200)
  await odd.close()
})

describe("CORS", () => {
  it("is off unless an origin is listed; a listed one may ask before it sends", async () => {
    const open = await start({ server: { origins: ["https://app.example"] } })
    const preflight = await ask(`${open.url}/v1/runtimes`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST" }
    })
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://app.example"
    ])
    const allowed = preflight.headers.get("access-control-allow-headers")?.split(", ") ?? []
    // With every request the client's HttpClient sends the last two.
    expect(allowed).toEqual(expect.arrayContaining(["authorization", "content-type", "b3", "traceparent"]))
    const read = await ask(`${open.url}/v1/runtimes`, { headers: { origin: "https://app.example" } })
    expect(read.headers.get("access-control-allow-origin")).toBe("https://app.example")
    const closed = await ask(`${open.url}/v1/runtimes`, { headers: { origin: "https://evil.example" } })
    expect([closed.status, closed.headers.get("access-control-allow-origin")]).toEqual([403, null])
    await open.close()
  })
})
