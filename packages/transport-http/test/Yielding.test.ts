// A fiber yields when it has run for long, also between two steps that read as one: whatever happens then is not missed.
import { assert, it } from "@effect/vitest"
import { type Clock, Context, Effect, Fiber, Option, Scheduler, Stream } from "effect"
import { HttpServerRequest } from "effect/http"
import { Access } from "../src/AgentApi.ts"
import { principal } from "../src/Authorization.ts"
import { admission } from "../src/internal/access.ts"
import { EventQueue } from "../src/internal/client/eventQueue.ts"
import { EventWriter } from "../src/internal/eventWriter.ts"
import { Gate } from "../src/internal/gate.ts"
import { defaults } from "../src/ServerLimits.ts"

/** Waits in a fiber that yields after every `n` operations, for what happens after `k` turns of the scheduler. */
const everywhere = <E>(waits: () => { readonly wait: Effect.Effect<unknown, E>; readonly happen: () => void }) =>
  Effect.gen(function* () {
    for (let n = 3; n <= 48; n++) {
      for (let k = 0; k <= 6; k++) {
        const { happen, wait } = waits()
        const waiting = yield* wait.pipe(
          Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
          Effect.forkChild({ startImmediately: true })
        )
        for (let turn = 0; turn < k; turn++) yield* Effect.yieldNow
        happen()
        const met = yield* Effect.timeoutOption(Fiber.join(waiting), "5 seconds")
        assert.isTrue(Option.isSome(met), `still waits: yields after ${n} operations, it happened after ${k} turns`)
      }
    }
  })

it.live("B1 a client that reads events does not wait for what has come", () =>
  everywhere(() => {
    const queue = new EventQueue({}, 1)
    return {
      wait: queue.pull,
      happen: () => queue.offer({ _tag: "Gap", epoch: 1, missed: 1, from: 1, to: 1 })
    }
  })
)

const writerOn = (clock: Clock.Clock): EventWriter =>
  new EventWriter(
    clock,
    () => undefined,
    () => false,
    Effect.succeed(true)
  )

it.live("B1 a response does not wait for what has been written, nor is that overtaken", () =>
  Effect.clockWith((clock) =>
    everywhere(() => {
      const writer = writerOn(clock)
      const utf8 = new TextEncoder()
      const read = Stream.runFold(
        Stream.decodeText(writer.stream),
        () => "",
        (all, text) => all + text
      )
      return {
        wait: Effect.map(read, (text) => assert.strictEqual(text, ": alive\n\nonetwo")),
        happen: () => {
          Effect.runFork(
            Effect.gen(function* () {
              for (const text of ["one", "two"]) {
                yield* writer.ready
                writer.write(utf8.encode(text))
              }
              yield* writer.ready
              writer.end()
            })
          )
        }
      }
    })
  )
)

it.live("B4 what writes a response does not wait for room that there is", () =>
  Effect.clockWith((clock) =>
    everywhere(() => {
      const writer = writerOn(clock)
      return {
        wait: Effect.andThen(
          writer.ready,
          Effect.sync(() => writer.end())
        ),
        happen: () => Effect.runFork(Stream.runDrain(writer.stream))
      }
    })
  )
)

it.live("a request that is left at any moment makes room for another", () =>
  Effect.clockWith((clock) =>
    Effect.gen(function* () {
      const someone = principal({ name: "someone" })
      const authorization = { required: true, authenticate: () => Effect.as(Effect.yieldNow, someone) }
      const request = HttpServerRequest.fromWeb(new Request("http://localhost"))
      for (let n = 3; n <= 48; n++) {
        for (let k = 0; k <= 20; k++) {
          const gate = new Gate(defaults, clock)
          const admitted = admission(
            gate,
            authorization
          )({ annotations: Context.empty(), middlewares: new Set([Access]) })
          const asking = yield* admitted(request, () => Effect.never).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, n),
            Effect.forkChild({ startImmediately: true })
          )
          for (let turn = 0; turn < k; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(asking)
          assert.strictEqual(gate.requests, 0, `yields after ${n} operations, left after ${k} turns`)
        }
      }
    })
  )
)
