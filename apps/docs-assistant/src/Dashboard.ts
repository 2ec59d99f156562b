/**
 * The dashboard: the page at `/`, beside the API that it is a client of.
 */
import type { AgentApiServer } from "@agent-runtime/transport-http"
import { Effect, FileSystem, Layer } from "effect"
import { HttpMiddleware, HttpPlatform, HttpRouter, HttpServerResponse, HttpStaticServer } from "effect/http"
import { fileURLToPath } from "node:url"

/** Where `pnpm build` puts it, seen from the sources and from what is built of them. */
const folder = fileURLToPath(new URL("../dist/web", import.meta.url))

/** All that the page needs comes from its own server, and no other page may hold it in a frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const headers = {
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

/** In the words of the API. */
const missing = HttpServerResponse.jsonUnsafe(
  { _tag: "RouteNotFound", message: "There is no such file" },
  { status: 404 }
)

/**
 * The routes of the dashboard: none where it has not been built.
 *
 * @category layers
 * @since 0.1.0
 */
export const routes: Layer.Layer<never, never, HttpRouter.HttpRouter | AgentApiServer.Services> = Layer.effectDiscard(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) return
    const router = yield* HttpRouter.HttpRouter
    const platform = yield* HttpPlatform.HttpPlatform
    const files = yield* Effect.orDie(HttpStaticServer.make({ root: folder, cacheControl: "no-cache" }))
    const page = files.pipe(
      Effect.map(HttpServerResponse.setHeaders(headers)),
      Effect.orElseSucceed(() => missing),
      HttpMiddleware.compression(),
      Effect.provideService(HttpPlatform.HttpPlatform, platform)
    )
    for (const path of ["/", "/icon.svg", "/assets/*"] as const) yield* router.add("GET", path, page)
  })
)
