import { once } from "node:events"
import { type AddressInfo, createServer, type Server } from "node:net"
import { setImmediate as nextTurn } from "node:timers/promises"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { AgentApiClient, ApiError } from "@agent-runtime/transport-http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Result, Schema, type Scope, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { follow } from "../src/internal/client/changes.ts"
import { Account, Balance, Deposit, Die, Freeze } from "./support/Agents.ts"
import { startProxy } from "./support/FlakyProxy.ts"
import { startScripted } from "./support/ScriptedServer.ts"
import { start } from "./support/TestServer.ts"

const clientOf = (baseUrl: string, options: Partial<AgentApiClient.Options> = {}) =>
  Effect.provide(AgentApiClient.make({ baseUrl, ...options }), FetchHttpClient.layer)

/** Takes every connection, and answers nothing. */
const mute = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer((socket) => void socket.on("error", () => undefined).resume()).listen(0, "127.0.0.1")
    await once(server, "listening")
    return server
  }),
  (server: Server) => Effect.sync(() => server.close())
)

const served = <A extends { readonly close: () => Promise<void> }>(started: () => Promise<A>) =>
  Effect.acquireRelease(Effect.promise(started), (server) => Effect.promise(() => server.close()))

/** Lets the time pass that a client waits, and what it does then happen, until it has ended. */
const patiently = Effect.fnUntraced(function* <A, E>(fiber: Fiber.Fiber<A, E>) {
  for (let i = 0; i < 500 && fiber.pollUnsafe() === undefined; i++) {
    yield* TestClock.adjust("20 seconds")
    yield* Effect.promise(() => nextTurn())
  }
  assert.isDefined(fiber.pollUnsafe(), "it waits for ever")
  return yield* Fiber.join(fiber)
})

const end = `event: End\ndata: {"reason":"terminated"}\n\n`

describe("a server that takes a request and says nothing", () => {
  for (const operation of ["info", "send", "terminate", "subscription", "changes"] as const) {
    it.effect(`is ApiUnavailable to ${operation}: nothing waits for ever`, () =>
      Effect.gen(function* () {
        const { port } = (yield* mute).address() as AddressInfo
        const account = (yield* clientOf(`http://127.0.0.1:${port}`)).runtime(Account, "a")
        const asking: Effect.Effect<unknown, { readonly _tag: string; readonly message: string }, Scope.Scope> = {
          info: account.info,
          send: account.send(Freeze.make()),
          terminate: account.terminate(),
          subscription: account.subscription(),
          changes: Stream.runDrain(account.changes)
        }[operation]
        const error = yield* patiently(yield* Effect.forkChild(Effect.flip(asking)))
        assert.strictEqual(error._tag, "ApiUnavailable")
        assert.match(error.message, /silent/)
      })
    )
  }

  it.effect("B5 is an outage to a stream that has begun: it is asked again", () =>
    Effect.gen(function* () {
      let told = () => {}
      const asked = new Promise<void>((resolve) => {
        told = resolve
      })
      const scripted = yield* served(() =>
        startScripted(
          (response) => response.end("id: 1-4\n\n"),
          () => told(),
          (response) => response.end(end)
        )
      )
      const account = (yield* clientOf(scripted.url)).runtime(Account, "a")
      const events = yield* account.subscription()
      const reading = yield* Effect.forkChild(Stream.runCollect(events))
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => asked)
      yield* TestClock.adjust("45 seconds")
      yield* Effect.promise(() => nextTurn())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        (yield* Fiber.join(reading)).map(({ _tag }) => _tag),
        ["End"]
      )
      assert.deepStrictEqual(scripted.cursors, [undefined, "1-4", "1-4"])
    })
  )
})

/** A runtime with the dead letter `d`, as a client has it that loses every answer until `heal`. */
const unheard = Effect.fnUntraced(function* (withEpoch: boolean) {
  const server = yield* served(() => start({ config: { receiptRetention: 1 } }))
  const proxy = yield* served(() => startProxy(server.port))
  const direct = yield* clientOf(server.url)
  const made = yield* direct.create(Account, { id: "a" })
  yield* made.send(Die.make({ secret: "" }), { id: "d" })
  yield* made.awaitReceipt("d")
  proxy.cutAfter(() => 0)
  const lossy = (yield* clientOf(proxy.url)).runtime(Account, "a", withEpoch ? made.epoch : undefined)
  return { direct, lossy, made, heal: () => proxy.cutAfter(() => Number.POSITIVE_INFINITY) }
})

describe("an end whose answer was lost", () => {
  for (const withEpoch of [true, false]) {
    it.live(`R3 ${withEpoch ? "is done" : "is not asked for again"} where a later life has the id`, () =>
      Effect.gen(function* () {
        const { direct, heal, lossy } = yield* unheard(withEpoch)
        const ending = yield* Effect.forkChild(Effect.result(lossy.terminate()))
        yield* Effect.repeat(Effect.exit(direct.runtime(Account, "a").info), { until: Exit.isFailure })
        const next = yield* direct.create(Account, { id: "a" })
        heal()
        const ended = yield* Fiber.join(ending)
        assert.strictEqual(Result.isFailure(ended) && ended.failure._tag, !withEpoch && "ApiUnavailable")
        assert.strictEqual((yield* next.info).status, "idle")
      })
    )
  }

  it.live("P5 is not asked for again where it was a dead letter's: there may be another under its id", () =>
    Effect.gen(function* () {
      const { heal, lossy, made } = yield* unheard(true)
      const discarding = yield* Effect.forkChild(Effect.flip(lossy.discard("d")))
      yield* Effect.repeat(made.deadLetters, { until: (letters) => letters.length === 0 })
      // The receipt of the first is forgotten, and with it that the id was taken.
      yield* made.ask(Balance.make())
      yield* made.send(Die.make({ secret: "" }), { id: "d" })
      yield* Effect.repeat(made.deadLetters, { until: (letters) => letters.length === 1 })
      heal()
      assert.strictEqual((yield* Fiber.join(discarding))._tag, "ApiUnavailable")
      assert.strictEqual((yield* made.deadLetters).length, 1)
    })
  )
})

describe("patience", () => {
  for (const operation of ["info", "subscription", "changes"] as const) {
    it.live(`of none, ${operation} is asked for once`, () =>
      Effect.gen(function* () {
        const scripted = yield* served(() => startScripted((response) => response.destroy()))
        const account = (yield* clientOf(scripted.url, { patience: 0 })).runtime(Account, "a")
        const asking: Effect.Effect<unknown, { readonly _tag: string }, Scope.Scope> = {
          info: account.info,
          subscription: account.subscription(),
          changes: Stream.runDrain(account.changes)
        }[operation]
        assert.strictEqual((yield* Effect.flip(asking))._tag, "ApiUnavailable")
        assert.strictEqual(scripted.cursors.length, 1)
      })
    )
  }
})

describe("what a client follows", () => {
  for (const follows of ["subscription", "changes"] as const) {
    it.live(`B3 ${follows} is patient while the server goes down`, () =>
      Effect.gen(function* () {
        const scripted = yield* served(() =>
          startScripted(
            (response) => {
              response.statusCode = 503
              response.end(`{"_tag":"ShuttingDown","message":"Later"}`)
            },
            (response) => response.end(`id: 1-4\n\n${end}`)
          )
        )
        const account = (yield* clientOf(scripted.url)).runtime(Account, "a")
        const events: Stream.Stream<unknown, { readonly _tag: string }> =
          follows === "changes" ? account.changes : account.subscribe()
        yield* Stream.runDrain(events)
        assert.strictEqual(scripted.cursors.length, 2)
      })
    )
  }

  it.live("B8 changes go on however long the server cannot be reached", () =>
    Effect.gen(function* () {
      const server = yield* served(() => start())
      const proxy = yield* served(() => startProxy(server.port))
      yield* (yield* clientOf(server.url)).create(Account, { id: "a" })
      const account = (yield* clientOf(proxy.url, { patience: 0 })).runtime(Account, "a")
      let connections = 0
      const infos = yield* account.changes.pipe(
        Stream.tap(() =>
          Effect.sync(() => {
            // The next five are broken before they are answered.
            proxy.cutAfter(() => (++connections > 5 ? Number.POSITIVE_INFINITY : 0))
            proxy.cut()
          })
        ),
        Stream.take(2),
        Stream.runCollect
      )
      assert.strictEqual(infos.length, 2)
      assert.isAbove(connections, 5)
    })
  )

  it.effect("B8 what follows a runtime is as small after a thousand connections as after one", () =>
    Effect.gen(function* () {
      let connections = 0
      let looks = 0
      const broken = ApiError.ApiUnavailable.of("broken")
      // Whatever a connection leaves behind looks at the failure that ends the stream.
      const refused = {
        get _tag() {
          looks++
          return "Forbidden"
        }
      }
      const frame = (n: number) => ({ id: undefined, event: "Info", data: String(n) })
      const connect = Effect.suspend(() =>
        ++connections > 1000
          ? Exit.fail(refused)
          : Exit.succeed(Stream.concat(Stream.make([frame(connections)]), Stream.fail(broken)))
      )
      const values = follow(connect, Exit.succeed, 0)
      const reading = yield* Effect.forkChild(Effect.flip(Stream.runDrain(values)))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(reading), refused)
      assert.isBelow(looks, 20)
    })
  )

  it.live("B2 what does not fit the agent as the client knows it is a Gap", () =>
    Effect.gen(function* () {
      const server = yield* served(() => start())
      const client = yield* clientOf(server.url)
      const account = yield* client.create(Account, { id: "a" })
      // Knows no `Balance`, and of a `Deposit` something else.
      const Other = ActivityType.make("Deposit", { payload: { amount: Schema.String } })
      const Older = Agent.make("Account", { state: Schema.Json, initialState: null, activities: [Other, Freeze] })
      const older = client.runtime(Older, "a", account.epoch)
      const events = yield* Effect.forEach(["latest", "earliest"] as const, (from) => older.subscription({ from }))
      yield* account.ask(Deposit.make({ amount: 1 }))
      yield* account.ask(Balance.make())
      yield* account.ask(Freeze.make())
      const late = yield* older.subscription({ from: "earliest" })
      yield* account.terminate()
      const lost = (sequence: number) => ({
        _tag: "Gap",
        epoch: account.epoch,
        missed: 1,
        from: sequence,
        to: sequence
      })
      for (const all of [...events, late]) {
        const told = (yield* Stream.runCollect(all)).map((event) => (event._tag === "Gap" ? event : event._tag))
        assert.deepStrictEqual<unknown>(told, [lost(1), lost(2), "Processed", "End"])
      }
    })
  )
})
