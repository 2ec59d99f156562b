import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ApiError, Authorization, AgentApi } from "@agent-runtime/transport-http"
import * as NodeAgentApiServer from "@agent-runtime/transport-http/NodeAgentApiServer"
import { NodeFileSystem } from "@effect/platform-node"
import { RuntimeManager } from "@agent-runtime/core"
import { Context, Duration, Effect, Layer, Logger } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Account, AccountLayer } from "./support/Agents.ts"
import { EventTap } from "./support/Events.ts"
import { ask, start, type TestServer } from "./support/TestServer.ts"

const tokens = [
  { token: "admin-token", principal: "admin", scopes: ["read", "send", "manage"] },
  { token: "a-token", principal: "team-a", scopes: ["read", "send", "manage"], prefix: "team-a-" },
  { token: "b-token", principal: "team-b", scopes: ["read", "send", "manage"], prefix: "team-b-" },
  { token: "none-token", principal: "nobody", scopes: [], prefix: "team-a-" },
  { token: "read-token", principal: "reader", scopes: ["read"], prefix: "team-a-" },
  { token: "send-token", principal: "sender", scopes: ["send"], prefix: "team-a-" },
  { token: "manage-token", principal: "manager", scopes: ["manage"], prefix: "team-a-" }
] as const

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

interface Route {
  readonly method: string
  readonly path: string
  readonly scope: Authorization.Scope | "none"
}

/** Every route of the API that asks for a token, with the scope it asks for. */
const routes: ReadonlyArray<Route> = Object.values(AgentApi.AgentApi.groups).flatMap((group) =>
  group.identifier === "probes"
    ? []
    : Object.values(group.endpoints).map((endpoint) => ({
        method: endpoint.method,
        path: endpoint.path,
        scope: Context.get(endpoint.annotations, AgentApi.RequiredScope)
      }))
)

const at = (route: Route, id: string) => route.path.replace(":id", id).replace(":activityId", "x")

/** A body that fits wherever one is taken. */
const bodyFor = (route: Route, id: string) =>
  route.method === "POST" ? { json: { agent: "Account", id, type: "Balance", at: 0 } } : {}

let server: TestServer

beforeAll(async () => {
  server = await start({ authorization: Authorization.layerTokens(tokens) })
  for (const id of ["team-a-1", "team-b-1"]) {
    await ask(`${server.url}/v1/runtimes`, { json: { agent: "Account", id }, headers: bearer("admin-token") })
  }
})
afterAll(() => server.close())

describe("tokens", () => {
  it("every route but the probes wants a valid one, streams and replays too", async () => {
    expect(routes.length).toBeGreaterThan(18)
    const wrong: ReadonlyArray<Record<string, string>> = [
      {},
      { authorization: "" },
      { authorization: "Bearer" },
      { authorization: "Bearer " },
      { authorization: "Basic YTph" },
      bearer("wrong"),
      bearer("a-toke"),
      bearer("a-token2"),
      bearer("a-token a-token")
    ]
    for (const route of routes) {
      for (const headers of wrong) {
        const answer = await ask(`${server.url}${at(route, "team-a-1")}`, {
          method: route.method,
          ...bodyFor(route, "team-a-1"),
          headers
        })
        expect([route.method, route.path, headers, answer.status, answer.body._tag]).toEqual([
          route.method,
          route.path,
          headers,
          401,
          "Unauthorized"
        ])
        expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/)
      }
    }
    for (const probe of ["/healthz", "/readyz"]) expect((await ask(`${server.url}${probe}`)).status).toBe(200)
  })

  it("are no part of a query", async () => {
    expect((await ask(`${server.url}/v1/agents?token=admin-token&access_token=admin-token`)).status).toBe(401)
  })

  it("the scheme is not case sensitive", async () => {
    expect((await ask(`${server.url}/v1/agents`, { headers: { authorization: "bearer a-token" } })).status).toBe(200)
  })
})

describe("scopes", () => {
  it("a missing scope is 403, with the same bytes whether the runtime exists or not", async () => {
    const holders = { read: "read-token", send: "send-token", manage: "manage-token" }
    for (const route of routes) {
      for (const [scope, token] of Object.entries(holders)) {
        if (route.scope === scope || route.scope === "none") continue
        const answers = await Promise.all(
          ["team-a-1", "team-a-none", "team-b-1"].map((id) =>
            ask(`${server.url}${at(route, id)}`, {
              method: route.method,
              ...bodyFor(route, id),
              headers: bearer(token)
            })
          )
        )
        expect(answers.map(({ body, status }) => [route.path, scope, status, body._tag])).toEqual(
          answers.map(() => [route.path, scope, 403, "Forbidden"])
        )
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
      }
    }
  })

  it("metrics and documents want any valid token", async () => {
    for (const path of ["/metrics", "/openapi.json", "/docs"]) {
      expect((await ask(`${server.url}${path}`, { headers: bearer("none-token") })).status).toBe(200)
    }
  })
})

describe("prefixes", () => {
  it("a foreign runtime is a 404 that no byte tells from a missing one", async () => {
    for (const route of routes.filter(({ path }) => path.includes(":id"))) {
      const foreign = async (id: string) => {
        const answer = await ask(`${server.url}${at(route, id)}`, {
          method: route.method,
          ...bodyFor(route, "team-a-2"),
          headers: bearer("a-token")
        })
        const headers = Array.from(answer.headers).filter(([name]) => name !== "date")
        return [answer.status, answer.text.replaceAll(id, "ID"), headers]
      }
      const [status, text] = await foreign("team-b-1")
      expect([route.path, status, String(text).slice(0, 30)]).toEqual([
        route.path,
        404,
        `{"_tag":"AgentRuntimeNotFound"`
      ])
      expect(await foreign("team-b-1")).toEqual(await foreign("team-b-0"))
    }
  })

  it("creating outside is 403 before anything is looked up; made-up ids lie inside", async () => {
    const create = (json: unknown) => ask(`${server.url}/v1/runtimes`, { json, headers: bearer("a-token") })
    for (const id of ["team-b-1", "team-b-new", "x", "bad id"]) {
      const { body, status } = await create({ agent: "Nobody", id })
      expect([id, status, body._tag]).toEqual([id, 403, "Forbidden"])
    }
    const made = await create({ agent: "Account" })
    expect([made.status, String(made.body.id).startsWith("team-a-")]).toEqual([201, true])
  })

  it("lists hold only one's own", async () => {
    const ids = async (query: string, token: string) => {
      const { body } = await ask(`${server.url}/v1/runtimes${query}`, { headers: bearer(token) })
      return (body.items as ReadonlyArray<{ id: string }>).map(({ id }) => id)
    }
    expect((await ids("", "a-token")).every((id) => id.startsWith("team-a-"))).toBe(true)
    expect(await ids("?prefix=team", "b-token")).toEqual(["team-b-1"])
    expect(await ids("?prefix=team-a", "b-token")).toEqual([])
    expect(await ids("?prefix=team-b-1", "admin-token")).toEqual(["team-b-1"])
  })
})

describe("the token file", () => {
  it("is read again when it changes: streams of a revoked token end, a broken file lets nobody in", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tokens-"))
    const file = join(folder, "tokens.json")
    const write = async (text: string) => {
      await writeFile(`${file}.new`, text)
      await rename(`${file}.new`, file)
    }
    await write(JSON.stringify(tokens))
    const server = await start({
      authorization: Authorization.layerTokenFile(file, { interval: "20 millis" }).pipe(
        Layer.provide(NodeFileSystem.layer),
        Layer.orDie
      ),
      limits: { revocationInterval: Duration.millis(20) }
    })
    const status = async (token: string) => (await ask(`${server.url}/v1/agents`, { headers: bearer(token) })).status
    await ask(`${server.url}/v1/runtimes`, { json: { agent: "Account", id: "team-a-1" }, headers: bearer("a-token") })
    const open = (token: string) => EventTap.open(`${server.url}/v1/runtimes/team-a-1/events`, bearer(token))
    const revoked = await open("read-token")
    const kept = await open("a-token")

    await write(JSON.stringify(tokens.filter(({ principal }) => principal !== "reader")))
    await revoked.ended
    expect(kept.over).toBe(false)
    expect([await status("read-token"), await status("a-token")]).toEqual([401, 200])

    await write("[{")
    await kept.ended
    expect(await status("a-token")).toBe(401)
    expect(server.logs.join()).not.toMatch(/a-token/)

    await write(JSON.stringify(tokens))
    while ((await status("a-token")) === 401);
    expect(await status("read-token")).toBe(200)
    await server.close()
    await rm(folder, { recursive: true })
  })

  it("is asked again for all streams at once, and one it dies for ends alone", async () => {
    const known = new Map<string, Effect.Effect<Authorization.Principal, ApiError.Unauthorized>>()
    const authorization = Authorization.layer(({ authorization = "" }) =>
      Effect.suspend(() => known.get(authorization) ?? Effect.fail(new ApiError.Unauthorized({ message: "unknown" })))
    )
    const limits = { revocationInterval: Duration.millis(20) }
    const server = await start({ authorization, limits })
    const open = async (name: string) => {
      const headers = bearer(name)
      known.set(headers.authorization, Effect.succeed(Authorization.principal({ name })))
      await ask(`${server.url}/v1/runtimes`, { json: { agent: "Account", id: "a" }, headers })
      return EventTap.open(`${server.url}/v1/runtimes/a/events`, headers)
    }
    const [slow, dead, kept, revoked] = [
      await open("slow"),
      await open("dead"),
      await open("kept"),
      await open("revoked")
    ]
    known.set(bearer("dead").authorization, Effect.die(new Error("a defect")))
    await dead.ended
    let begin = () => {}
    const asked = new Promise<void>((resolve) => {
      begin = resolve
    })
    known.set(
      bearer("slow").authorization,
      Effect.suspend(() => {
        begin()
        return Effect.never
      })
    )
    await asked
    expect(kept.over).toBe(false)
    known.delete(bearer("revoked").authorization)
    await revoked.ended
    expect([slow.over, kept.over]).toEqual([false, false])
    slow.close()
    kept.close()
    await server.close()
  })

  it("that cannot be read stops the start, without telling what is in it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tokens-"))
    const build = (file: string) =>
      Effect.runPromise(
        Effect.flip(
          Effect.scoped(Layer.build(Authorization.layerTokenFile(file).pipe(Layer.provide(NodeFileSystem.layer))))
        )
      )
    expect(await build(join(folder, "none"))).toMatchObject({ _tag: "TokenFileInvalid" })
    await writeFile(join(folder, "bad"), `[{"token":"secret-canary"}]`)
    const error = await build(join(folder, "bad"))
    expect(error._tag).toBe("TokenFileInvalid")
    expect(JSON.stringify(error) + error.message).not.toContain("canary")
    await rm(folder, { recursive: true })
  })
})

describe("what is a token", () => {
  it("spaces and what is no ASCII are refused where tokens are given, by the principal's name and not by the token", async () => {
    for (const token of ["a long secret", "", "tab\tcanary", "line\ncanary", "süß"]) {
      const given = [{ token, principal: "team-a", scopes: ["read"] as const }]
      expect(() => Authorization.layerTokens(given)).toThrow(
        new RangeError(`Authorization: the token of "team-a" is none: a token is visible ASCII without spaces`)
      )
      const folder = await mkdtemp(join(tmpdir(), "tokens-"))
      const file = join(folder, "tokens.json")
      await writeFile(file, JSON.stringify(given))
      const error = await Effect.runPromise(
        Effect.flip(
          Effect.scoped(Layer.build(Authorization.layerTokenFile(file).pipe(Layer.provide(NodeFileSystem.layer))))
        )
      )
      expect(error.message).toMatch(/is no list of .*; a token is visible ASCII without spaces$/)
      expect(error.message).not.toContain("canary")
      await rm(folder, { recursive: true })
    }
  })
})

describe("starting", () => {
  const listen = (host: string, authorization: Layer.Layer<never>) =>
    Effect.runPromise(
      Effect.result(
        Effect.scoped(
          Layer.build(
            NodeAgentApiServer.layer({ port: 0, host }).pipe(
              Layer.provide(RuntimeManager.layer),
              Layer.provide(authorization),
              Layer.provide(Logger.layer([]))
            )
          )
        )
      )
    )

  it("on an address that others reach is refused without credentials", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.com"]) {
      const result = await listen(host, Layer.empty)
      expect([host, result._tag, result._tag === "Failure" ? result.failure._tag : ""]).toEqual([
        host,
        "Failure",
        "CredentialsRequired"
      ])
    }
    expect((await listen("127.0.0.1", Layer.empty))._tag).toBe("Success")
    expect((await listen("0.0.0.0", Authorization.layerTokens(tokens)))._tag).toBe("Success")
  })
})

describe("in process", () => {
  it("a restricted manager sees and does what its principal may", async () => {
    const program = Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      yield* manager.create(Account, { id: "team-b-1" })
      const own = Authorization.restrict(manager, Authorization.principal({ name: "a", prefix: "team-a-" }))
      const reader = Authorization.restrict(
        manager,
        Authorization.principal({ name: "r", scopes: ["read"], prefix: "team-a-" })
      )
      const runtime = yield* own.create(Account)
      return [
        runtime.id.startsWith("team-a-"),
        (yield* Effect.flip(own.create(Account, { id: "team-b-2" })))._tag,
        (yield* Effect.flip(own.info("team-b-1")))._tag,
        (yield* own.list()).items.length,
        (yield* Effect.flip(reader.create(Account)))._tag,
        (yield* Effect.flip(reader.send(runtime.id, { type: "Balance" })))._tag,
        (yield* reader.info(runtime.id)).status
      ]
    })
    const layer = AccountLayer.pipe(Layer.provideMerge(RuntimeManager.layer))
    expect(await Effect.runPromise(Effect.provide(program, layer))).toEqual([
      true,
      "Forbidden",
      "AgentRuntimeNotFound",
      1,
      "Forbidden",
      "Forbidden",
      "idle"
    ])
  })
})
