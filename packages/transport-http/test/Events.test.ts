import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RuntimeManager, RuntimeStore } from "@agent-runtime/core"
import { Context, Duration, Effect, Layer } from "effect"
import { type Block, EventTap } from "./support/Events.ts"
import { startProxy } from "./support/FlakyProxy.ts"
import { ask, start, type TestServer } from "./support/TestServer.ts"

let server: TestServer
let last = 0

beforeAll(async () => {
  server = await start({
    config: { logRetention: 10 },
    limits: { keepAlive: Duration.millis(40), streamsPerPrincipal: 5 }
  })
})
afterAll(() => server.close())

const create = async () => {
  const name = `e${++last}`
  const { body } = await ask(`${server.url}/v1/runtimes`, { json: { agent: "Account", id: name } })
  const url = `${server.url}/v1/runtimes/${name}`
  return {
    name,
    url,
    epoch: Number(body.epoch),
    events: (query = "", headers = {}) => EventTap.open(`${url}/events${query}`, headers),
    send: (json: unknown) => ask(`${url}/activities?wait=5s`, { json })
  }
}

const deposit = { type: "Deposit", payload: { amount: 1 } }
const brief = ({ data, event, id }: Block) => [event, id?.split("-")[1], data?.sequence]

describe("event streams", () => {
  it("B1 an event is id, name and one line of JSON; the stream is not stored and not buffered", async () => {
    const runtime = await create()
    const tap = await runtime.events()
    expect([
      tap.status,
      tap.headers.get("content-type"),
      tap.headers.get("cache-control"),
      tap.headers.get("x-accel-buffering")
    ]).toEqual([200, "text/event-stream", "no-store", "no"])
    await runtime.send({ ...deposit, id: "d1", correlationId: "c" })
    const [event] = await tap.events(1)
    expect(event).toEqual({
      id: `${runtime.epoch}-1`,
      event: "Processed",
      data: {
        sequence: 1,
        epoch: runtime.epoch,
        activityId: "d1",
        type: "Deposit",
        priority: "standard",
        payload: { amount: 1 },
        correlationId: "c",
        attempts: 1,
        at: expect.stringMatching(/Z$/)
      }
    })
    tap.close()
  })

  it("B2 what failed is told where asked for, what is emitted has no id", async () => {
    const runtime = await create()
    const plain = await runtime.events()
    const all = await runtime.events("?outcome=processed,failed")
    await runtime.send({ type: "Tell", payload: { words: ["a", "b"] }, id: "t" })
    await runtime.send({ type: "Withdraw", payload: { amount: 1 } })
    await runtime.send(deposit)
    expect((await plain.events(4)).map(brief)).toEqual([
      ["Emitted", undefined, undefined],
      ["Emitted", undefined, undefined],
      ["Processed", "1", 1],
      ["Processed", "3", 3]
    ])
    const events = await all.events(5)
    expect(events[1]?.data).toEqual({
      activityId: "t",
      type: "Tell",
      attempt: 1,
      index: 1,
      value: "b",
      at: expect.any(String)
    })
    expect(events[3]?.data).toMatchObject({ sequence: 2, error: { _tag: "Broke", left: 0 } })
    plain.close()
    all.close()
  })

  it("B5 Last-Event-ID goes on after that event and beats from", async () => {
    const runtime = await create()
    for (let i = 0; i < 5; i++) await runtime.send(deposit)
    const earliest = await runtime.events("?from=earliest")
    expect((await earliest.events(5)).map(brief).at(-1)).toEqual(["Processed", "5", 5])
    const cursor = await runtime.events(`?from=${runtime.epoch}-3`)
    expect((await cursor.events(2)).map(brief)).toEqual([
      ["Processed", "4", 4],
      ["Processed", "5", 5]
    ])
    const resumed = await runtime.events("?from=earliest", { "last-event-id": `${runtime.epoch}-4` })
    await runtime.send(deposit)
    expect((await resumed.events(2)).map(brief)).toEqual([
      ["Processed", "5", 5],
      ["Processed", "6", 6]
    ])
    for (const tap of [earliest, cursor, resumed]) tap.close()
  })

  it("B5 where the log no longer reaches back the first event is a Gap, whose id is the last lost", async () => {
    const runtime = await create()
    for (let i = 0; i < 15; i++) await runtime.send(deposit)
    const tap = await runtime.events("?from=earliest")
    const events = await tap.events(11)
    expect(events[0]).toEqual({ id: `${runtime.epoch}-5`, event: "Gap", data: { missed: 5, from: 1, to: 5 } })
    expect(events.slice(1).map(({ data }) => data?.sequence)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    tap.close()
  })

  it("B5 a cursor that is none is 400, one of another epoch 410", async () => {
    const runtime = await create()
    const refused = async (query: string, headers = {}) => {
      const { body, status } = await ask(`${runtime.url}/events${query}`, { headers })
      return [status, body._tag]
    }
    const beyond = "9999999999999999"
    for (const from of [
      "sometime",
      "1",
      "-1",
      `${runtime.epoch}-x`,
      `${runtime.epoch}-7`,
      `${beyond}-1`,
      `1-${beyond}`
    ]) {
      expect(await refused(`?from=${from}`)).toEqual([400, "CursorInvalid"])
    }
    expect(await refused("", { "last-event-id": "x" })).toEqual([400, "CursorInvalid"])
    expect(await refused(`?from=${runtime.epoch - 1}-0`)).toEqual([410, "EpochMismatch"])
    expect(await refused("?outcome=lost")).toEqual([400, "RequestInvalid"])
    expect(await refused("?priority=now")).toEqual([400, "RequestInvalid"])
    expect(await refused("?epoch=5")).toEqual([404, "AgentRuntimeNotFound"])
  })

  it("B6 filters by type and priority; a silent stream tells how far it has come", async () => {
    const runtime = await create()
    const types = await runtime.events("?type=Freeze,Balance")
    const urgent = await runtime.events("?priority=urgent")
    await runtime.send(deposit)
    await runtime.send({ type: "Freeze" })
    await runtime.send(deposit)
    expect((await types.events(1)).map(brief)).toEqual([["Processed", "2", 2]])
    expect((await urgent.events(1)).map(brief)).toEqual([["Processed", "2", 2]])
    // Nothing but its id: a reader that comes back with it need not be told of the third again.
    const tellsThird = (blocks: ReadonlyArray<Block>) =>
      blocks.some(({ event, id }) => event === undefined && id === `${runtime.epoch}-3`)
    await types.until(tellsThird)
    await urgent.until(tellsThird)
    types.close()
    urgent.close()
  })

  it("B9 the end of a runtime is an End event, then the stream ends", async () => {
    const runtime = await create()
    const tap = await runtime.events()
    await ask(runtime.url, { method: "DELETE" })
    expect((await tap.events(1))[0]).toEqual({ id: undefined, event: "End", data: { reason: "terminated" } })
    await tap.ended
    expect((await ask(`${runtime.url}/events`)).status).toBe(404)
  })

  it("more streams than a principal may have are 429, and closing one makes room", async () => {
    const runtime = await create()
    let taps = await Promise.all(Array.from({ length: 6 }, () => runtime.events()))
    const refused = taps.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThanOrEqual(1)
    for (const tap of taps) tap.close()
    do {
      taps = [await runtime.events()]
    } while (taps[0]?.status === 429)
    expect(taps[0]?.status).toBe(200)
    taps[0]?.close()
  })

  it("B4 a reader that does not read is cut, and delays nobody", async () => {
    const stalling = await start({ limits: { stallTimeout: Duration.millis(300) }, config: { freezeState: false } })
    await ask(`${stalling.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    const socket = connect(stalling.port, "127.0.0.1")
    socket.write("GET /v1/runtimes/a/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await new Promise((resolve) => socket.once("data", resolve))
    socket.pause()
    const streams = () =>
      Effect.runPromise(Effect.flatMap(stalling.manager.get("a"), (runtime) => runtime.info)).then(
        (info) => info.subscribers.length
      )
    const value = "x".repeat(200_000)
    let sent = 0
    while ((await streams()) > 0) {
      const { body } = await ask(`${stalling.url}/v1/runtimes/a/activities?wait=5s`, {
        json: { type: "Keep", payload: { value } }
      })
      expect(body.status).toBe("succeeded")
      sent++
    }
    expect(sent).toBeGreaterThan(2)
    socket.destroy()
    await stalling.close()
  })

  it("B4 readers that vanished without a word are cut like those that stall, while others get every event", async () => {
    const limits = { stallTimeout: Duration.millis(300) }
    const vanishing = await start({ limits, config: { freezeState: false } })
    const proxy = await startProxy(vanishing.port)
    await ask(`${vanishing.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    const events = (url: string) => EventTap.open(`${url}/v1/runtimes/a/events`)
    const normal = await Promise.all([events(vanishing.url), events(vanishing.url)])
    await Promise.all([events(proxy.url), events(proxy.url), events(proxy.url)])
    proxy.vanish()
    const runtime = await Effect.runPromise(vanishing.manager.get("a"))
    const subscribers = async () => (await Effect.runPromise(runtime.info)).subscribers.length
    const value = "x".repeat(200_000)
    let sent = 0
    while ((await subscribers()) > normal.length) {
      await ask(`${vanishing.url}/v1/runtimes/a/activities?wait=5s`, { json: { type: "Keep", payload: { value } } })
      sent++
    }
    for (const tap of normal) {
      const sequences = (await tap.events(sent)).map(({ data }) => data?.sequence)
      expect(sequences).toEqual(Array.from({ length: sent }, (_, i) => i + 1))
      tap.close()
    }
    await proxy.close()
    await vanishing.close()
  })

  it("a server that goes down ends its streams with End, and tells so before", async () => {
    const down = await start({ limits: { grace: Duration.millis(500) }, config: { grace: Duration.millis(100) } })
    await ask(`${down.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    const tap = await EventTap.open(`${down.url}/v1/runtimes/a/events`)
    await ask(`${down.url}/v1/runtimes/a/activities`, { json: { type: "Audit" } })
    const closing = down.close()
    expect((await ask(`${down.url}/readyz`)).body._tag).toBe("ShuttingDown")
    const refused = await ask(`${down.url}/v1/runtimes/a/activities`, { json: deposit })
    expect([refused.status, refused.body._tag, refused.headers.get("retry-after")]).toEqual([503, "ShuttingDown", "1"])
    expect((await tap.events(1))[0]?.data).toEqual({ reason: "shutdown" })
    await closing
  })

  it("a server that goes down tells in JSON who waits for what takes longer than its grace", async () => {
    const grace = Duration.millis(100)
    const down = await start({ limits: { grace }, config: { grace } })
    await ask(`${down.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
    await ask(`${down.url}/v1/runtimes/a/activities`, { json: { type: "Audit" } })
    const changes = await EventTap.open(`${down.url}/v1/runtimes/a/changes`)
    const ending = ask(`${down.url}/v1/runtimes/a?grace=1m`, { method: "DELETE" })
    await changes.until((blocks) => blocks.some(({ data }) => data?.status === "draining"))
    await down.close()
    const { body, headers, status } = await ending
    expect([status, body._tag, headers.get("retry-after")]).toEqual([503, "ShuttingDown", "1"])
  })

  for (const moment of ["accept", "append"] as const) {
    it(`B9 a server that goes down while its store writes (${moment}) ends its streams after that`, async () => {
      const { manager, writing } = onSlowStore(moment)
      const down = await start({ manager })
      await ask(`${down.url}/v1/runtimes`, { json: { agent: "Account", id: "a" } })
      const tap = await EventTap.open(`${down.url}/v1/runtimes/a/events`)
      const sent = ask(`${down.url}/v1/runtimes/a/activities`, { json: deposit })
      await writing
      await down.close()
      expect((await tap.events(2)).map(brief)).toEqual([
        ["Processed", "1", 1],
        ["End", undefined, undefined]
      ])
      expect((await sent).status).toBe(202)
    })
  }
})

/** Each write takes longer than what else happens; `writing` is the first of which `part` is a part. */
const onSlowStore = (part: keyof RuntimeStore.Change) => {
  let begin = () => {}
  const writing = new Promise<void>((resolve) => {
    begin = resolve
  })
  const slow = (store: RuntimeStore.RuntimeStore["Service"]): typeof store => ({
    ...store,
    write: (writes) => {
      if (writes.some(({ change }) => part in change)) begin()
      return Effect.delay(store.write(writes), "100 millis")
    }
  })
  const store = Layer.effect(
    RuntimeStore.RuntimeStore,
    Effect.map(Layer.build(RuntimeStore.layerMemory), (built) => slow(Context.get(built, RuntimeStore.RuntimeStore)))
  )
  return { manager: RuntimeManager.layerDurable.pipe(Layer.provide(store)), writing }
}
