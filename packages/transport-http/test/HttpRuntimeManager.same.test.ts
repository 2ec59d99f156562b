import { RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { AgentApiClient, HttpRuntimeManager } from "@agent-runtime/transport-http"
import { Context, Duration, Effect, Exit, Fiber, Layer, Schema, type Scope, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { Account, Balance, Deposit } from "./support/Agents.ts"
import { startScripted } from "./support/ScriptedServer.ts"
import { type Options, start, type TestServer } from "./support/TestServer.ts"

type Manager = RuntimeManager.RuntimeManager["Service"]

const remote = (baseUrl: string, agents: ReadonlyArray<Agent.Any> = [Account]) =>
  Effect.map(Layer.build(HttpRuntimeManager.layer({ baseUrl, agents, patience: "2 seconds" })), (built) =>
    Context.get(built, RuntimeManager.RuntimeManager)
  )

const clientOf = (baseUrl: string) =>
  Effect.map(Layer.build(AgentApiClient.layer({ baseUrl })), (built) =>
    Context.get(built, AgentApiClient.AgentApiClient)
  )

/** Runs with a server of its own, and the manager of its runtimes from far. */
const on = async <A, E>(
  options: Options,
  body: (manager: Manager, server: TestServer) => Effect.Effect<A, E, Scope.Scope>
): Promise<A> => {
  const server = await start(options)
  try {
    return await Effect.runPromise(
      Effect.scoped(Effect.flatMap(remote(server.url), (manager) => body(manager, server)))
    )
  } finally {
    await server.close()
  }
}

/** What fits these fits what the system says too. */
const Said = Schema.Struct({ message: Schema.String })
const Slow = ActivityType.make("Slow", { error: Said, timeout: "20 millis" })
const Dies = ActivityType.make("Dies", { error: Said })
const Says = ActivityType.make("Says", { error: Said })
const Talker = Agent.make("Talker", { state: Schema.Struct({}), initialState: {}, activities: [Slow, Dies, Says] })
const TalkerLayer = Workflow.layer(Talker, {
  Slow: () => Effect.never,
  Dies: () => Effect.die(new Error("broke")),
  Says: () => Effect.fail({ message: "no" })
})

describe("HttpRuntimeManager", () => {
  it("P11 what cannot name an activity is not found, and asks for nothing else: `..` is the runtime itself", () =>
    on({}, (manager) =>
      Effect.gen(function* () {
        const account = yield* manager.create(Account, { id: "a" })
        for (const id of ["..", ".", "", "a/b", "x".repeat(129)]) {
          const uses: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
            account.cancel(id),
            account.receipt(id),
            account.awaitReceipt(id),
            account.discard(id),
            account.replay(id)
          ]
          for (const use of uses) {
            expect([id, (yield* Effect.flip(use))._tag]).toEqual([id, "ActivityNotFound"])
          }
        }
        expect((yield* account.info).status).toBe("idle")
        const refused = yield* Effect.flip(account.send(Deposit.make({ amount: 1 }), { id: ".." }))
        expect(refused._tag).toBe("ActivityInvalid")
      })
    ))

  it("P3 what the system says of an activity is no declared error, however much that takes", () =>
    on({ manager: Layer.orDie(TalkerLayer.pipe(Layer.provideMerge(RuntimeManager.layer))) }, (_, server) =>
      Effect.gen(function* () {
        const talker = yield* (yield* remote(server.url, [Talker])).create(Talker, { id: "t" })
        expect(yield* Effect.flip(talker.ask(Slow.make()))).toMatchObject({ _tag: "ActivityTimedOut" })
        expect(yield* Effect.flip(talker.ask(Dies.make()))).toMatchObject({ _tag: "WorkflowDefect" })
        expect(yield* Effect.flip(talker.ask(Says.make()))).toEqual({ message: "no" })
      })
    ))

  it("P3 an ask is answered however few receipts are kept", () =>
    on({ config: { receiptRetention: 1 } }, (manager) =>
      Effect.gen(function* () {
        const account = yield* manager.create(Account, { id: "a" })
        yield* account.pause
        const asks = yield* Effect.forEach(Array.from({ length: 50 }), () =>
          Effect.forkChild(account.ask(Balance.make()))
        )
        yield* account.changes.pipe(
          Stream.filter(({ mailbox }) => mailbox.lanes.standard?.size === asks.length),
          Stream.runHead
        )
        // All end at once.
        yield* account.resume
        expect(yield* Effect.forEach(asks, (asked) => Fiber.join(asked))).toEqual(asks.map(() => 0))
      })
    ))

  it("B8 changes go on when the server goes down in order and comes back, and end with the runtime", async () => {
    const info = await on({}, (manager) =>
      Effect.flatMap(manager.create(Account, { id: "a" }), (account) => account.info)
    )
    const told = (sequence: number) =>
      `event: Info\ndata: ${JSON.stringify({ ...info, subscribers: [], sequence })}\n\n`
    const scripted = await startScripted(
      (response) => response.end(`${told(1)}event: End\ndata: {"reason":"shutdown"}\n\n`),
      (response) => response.end(`${told(2)}event: End\ndata: {"reason":"terminated"}\n\n`)
    )
    const infos = await Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(clientOf(scripted.url), (client) => Stream.runCollect(client.runtime(Account, "a").changes))
      )
    )
    expect(infos.map(({ sequence }) => sequence)).toEqual([1, 2])
    await scripted.close()
  })

  it("B8 changes that are no JSON are an error, no defect", async () => {
    const scripted = await startScripted((response) => response.end("event: Info\ndata: {broken\n\n"))
    const error = await Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(clientOf(scripted.url), (client) =>
          Effect.flip(Stream.runDrain(client.runtime(Account, "a").changes))
        )
      )
    )
    expect(error._tag).toBe("ApiUnavailable")
    await scripted.close()
  })

  it("B5 without an epoch a cursor is of the runtime that lives", () =>
    on({}, (_, server) =>
      Effect.gen(function* () {
        const client = yield* clientOf(server.url)
        const { epoch } = yield* client.create(Account, { id: "a" })
        const account = client.runtime(Account, "a")
        for (let i = 0; i < 4; i++) yield* account.ask(Deposit.make({ amount: 1 }))
        const next = yield* Stream.runHead(account.subscribe({ from: { after: 3 } }))
        expect(next).toMatchObject({ value: { sequence: 4, epoch } })
      })
    ))

  it("B4 a Gap of the client's own names the epoch of what was lost", async () => {
    const balance = { epoch: 7, type: "Balance", priority: "standard", payload: null, reply: 0, attempts: 1 }
    const event = (sequence: number) => {
      const data = { ...balance, sequence, activityId: `a${sequence}`, at: "2026-11-22T10:00:00.000Z" }
      return `id: 7-${sequence}\nevent: Processed\ndata: ${JSON.stringify(data)}\n\n`
    }
    const scripted = await startScripted((response) =>
      response.end(`id: 7-0\n\n${event(1)}${event(2)}${event(3)}event: End\ndata: {"reason":"terminated"}\n\n`)
    )
    const events = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const account = (yield* clientOf(scripted.url)).runtime(Account, "a")
          return yield* Stream.runCollect(yield* account.subscription({ capacity: 1 }))
        })
      )
    )
    expect(events[0]).toEqual({ _tag: "Gap", epoch: 7, missed: 2, from: 1, to: 2 })
    await scripted.close()
  })

  it("R2 a grace without end, and a lane without bounds, mean from far what they mean here", () =>
    on({ config: { mailboxCapacity: Number.POSITIVE_INFINITY } }, (manager) =>
      Effect.gen(function* () {
        const account = yield* manager.create(Account, { id: "a" })
        expect((yield* account.info).mailbox.lanes.standard?.capacity).toBe(Number.POSITIVE_INFINITY)
        expect(yield* Effect.exit(account.terminate({ grace: Duration.infinity }))).toEqual(Exit.void)
      })
    ))
})
