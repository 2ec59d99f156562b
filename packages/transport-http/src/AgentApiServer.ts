/**
 * Serves a `RuntimeManager` over HTTP, on whatever `HttpServer` there is. `NodeAgentApiServer` is the whole for Node.
 *
 * @since 0.1.0
 */
import { RuntimeManager } from "@agent-runtime/core"
import { ByteSize, Duration, Effect, type FileSystem, Layer, type Path, Schedule } from "effect"
import { type Etag, type HttpPlatform, HttpIncomingMessage, HttpRouter, HttpServer } from "effect/http"
import { activities } from "./internal/activitiesApi.ts"
import { CurrentGate, Gate } from "./internal/gate.ts"
import { guard } from "./internal/guard.ts"
import * as Routes from "./internal/routes.ts"
import { runtimes } from "./internal/runtimesApi.ts"
import { agents, probes, server } from "./internal/serverApi.ts"
import { ServerLimits } from "./ServerLimits.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * The names this server answers to in `Host`, beside `localhost`, `127.0.0.1` and `[::1]`: what is asked of it under
   * another name is refused, for it may come from a page that tricks a browser.
   */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Origins of pages that may use this server from a browser. Its own pages always may. Default none. */
  readonly origins?: ReadonlyArray<string> | undefined
  /** More routes for the same server, such as a page of one's own. They are open: no token is asked for. */
  readonly routes?: Layer.Layer<never, never, HttpRouter.HttpRouter | Services> | undefined
}

/**
 * What `effect/http` needs to serve anything; the `HttpServer` layers of the platforms bring it.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Etag.Generator | FileSystem.FileSystem | HttpPlatform.HttpPlatform | Path.Path

const loopback = ["localhost", "127.0.0.1", "[::1]"]

const api = Routes.layer(Effect.all({ agents, runtimes, activities, server, probes }))

/** Signs of life, readers that do not read, and credentials that are no longer good. */
const watch = (gate: Gate): Effect.Effect<never> => {
  const keepAlive = Duration.toMillis(gate.limits.keepAlive)
  const stall = Duration.toMillis(gate.limits.stallTimeout)
  const tick = Effect.sync(() => {
    const now = gate.clock.currentTimeMillisUnsafe()
    for (const stream of gate.streams) stream.tick(now, keepAlive, stall)
    gate.forget(now)
  })
  const revoke = Effect.suspend(() =>
    // Who does not answer in time holds up nobody else's revocation.
    Effect.timeoutOption(
      Effect.forEach(
        Array.from(gate.streams),
        (stream) => Effect.map(stream.isAllowed, (allowed) => (allowed ? undefined : stream.cut())),
        { concurrency: "unbounded", discard: true }
      ),
      "3 seconds"
    )
  )
  const often = Duration.millis(Math.max(10, Math.min(1000, keepAlive / 4, stall / 4)))
  return Effect.raceFirst(
    Effect.andThen(Effect.repeat(tick, Schedule.spaced(often)), Effect.never),
    Effect.andThen(Effect.repeat(revoke, Schedule.spaced(gate.limits.revocationInterval)), Effect.never)
  )
}

/** Takes no more work, lets what runs come to its end for a while, then ends the streams. */
const goDown = (manager: RuntimeManager.RuntimeManager["Service"], gate: Gate): Effect.Effect<void> =>
  Effect.gen(function* () {
    gate.closing = true
    const isBusy = Effect.map(
      Effect.orElseSucceed(manager.list({ status: "processing", limit: 1 }), () => ({ items: [] })),
      (page) => page.items.length > 0
    )
    const isAsked = Effect.sync(() => gate.requests > 0)
    yield* Effect.timeoutOption(
      Effect.gen(function* () {
        yield* whileTrue(isBusy, "20 millis")
        gate.endWaits()
        // A request that came before may have sent something.
        yield* whileTrue(isAsked, "5 millis")
        yield* whileTrue(isBusy, "20 millis")
      }),
      gate.limits.grace
    )
    gate.endWaits()
    // What has happened is with those who read before they are told to leave.
    const isBehind = Effect.sync(() => Array.from(gate.streams).some((stream) => stream.isBehind()))
    yield* Effect.timeoutOption(whileTrue(isBehind, "5 millis"), "200 millis")
    for (const stream of Array.from(gate.streams)) stream.close("shutdown")
    const isOpen = Effect.sync(() => gate.streams.size + gate.requests > 0)
    yield* Effect.timeoutOption(whileTrue(isOpen, "10 millis"), "500 millis")
    for (const stream of Array.from(gate.streams)) stream.cut()
  })

/** Looks again and again, until it is no longer so. */
const whileTrue = (condition: Effect.Effect<boolean>, every: Duration.Input): Effect.Effect<boolean> =>
  Effect.repeat(condition, { schedule: Schedule.spaced(every), while: (holds) => holds })

/**
 * Serves the API. When the layer's scope closes, new work is refused, what runs may end within the limits' grace, and
 * every event stream gets `End`; only then the port is closed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<never, never, RuntimeManager.RuntimeManager | HttpServer.HttpServer | Services> => {
  const routes = options.routes === undefined ? api : Layer.merge(api, options.routes)
  return Layer.effectDiscard(
    Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const limits = yield* ServerLimits
      const gate = yield* CurrentGate
      // How long an id may be is told by its schema, not by the router.
      const router = { maxParamLength: limits.headerBytes }
      const handle = yield* Effect.provideService(HttpRouter.toHttpEffect(routes), HttpRouter.RouterConfig, router)
      const origins = { hosts: [...loopback, ...(options.hosts ?? [])], origins: options.origins ?? [] }
      yield* Effect.provideService(
        HttpServer.serveEffect(guard(limits, origins)(handle)),
        HttpIncomingMessage.MaxBodySize,
        ByteSize.bytes(limits.bodyBytes)
      )
      yield* Effect.forkScoped(watch(gate))
      yield* Effect.addFinalizer(() => goDown(manager, gate))
    })
  ).pipe(Layer.provide(Layer.effect(CurrentGate, CurrentGate.make)))
}
