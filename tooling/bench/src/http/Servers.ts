/** Every server of the HTTP cases, by the name that its process is started with. */
import type { StartServer } from "./Server.ts"

export const servers = {
  "agent-runtime": async () => (await import("./OwnServer.ts")).agentRuntime,
  "node:http": async () => (await import("./NodeServers.ts")).nodeHttp,
  "node:http, one buffer a burst": async () => (await import("./NodeServers.ts")).nodeHttpShared,
  "Effect in node:http": async () => (await import("./NodeServers.ts")).nodeHttpEffect,
  fastify: async () => (await import("./FrameworkServers.ts")).fastify,
  hono: async () => (await import("./FrameworkServers.ts")).hono,
  HttpApi: async () => (await import("./EffectServers.ts")).httpApi,
  "a Stream for each reader": async () => (await import("./EffectServers.ts")).streams
} satisfies Record<string, () => Promise<StartServer>>

export type ServerName = keyof typeof servers

export const isServerName = (name: string): name is ServerName => Object.hasOwn(servers, name)
