import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { crash, killWhileStarting, poison } from "./crash/Crashes.ts"
import { PostgresServer } from "./support/PostgresServer.ts"
import * as TempFolder from "./support/TempFolder.ts"

// CRASHES=200 kills as often as that on SQLite and a quarter of it on PostgreSQL; SEED repeats a run.
const kills = Number(process.env["CRASHES"] ?? 16)
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000))

const survives = (url: string, kills: number) =>
  Effect.gen(function* () {
    const { acknowledged, ...found } = yield* Effect.promise(() => crash(url, { kills, seed }))
    expect({ ...found, seed }).toEqual({ faults: [], kills, seed })
    expect(acknowledged).toBeGreaterThan(kills)
  })

const poisoned = (url: string) =>
  Effect.gen(function* () {
    const { died, report } = yield* Effect.promise(() => poison(url))
    expect(report).toMatchObject({ applied: ["before", "after"], dead: [["poison", died]] })
    expect(died).toBeGreaterThan(0)
    expect(died).toBeLessThan(10)
  })

layer(PostgresServer.layer, { excludeTestServices: true, timeout: 300_000 })("D2 after a crash", (it) => {
  it.effect(
    "nothing acknowledged is lost or done twice, in order and without holes in the log (SQLite)",
    () => Effect.flatMap(TempFolder.make, (folder) => survives(join(folder, "store.db"), kills)),
    { timeout: 120_000 + kills * 30_000 }
  )

  it.effect(
    "nothing acknowledged is lost or done twice, in order and without holes in the log (PostgreSQL)",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer
        yield* survives(yield* server.newDatabase, Math.max(4, Math.ceil(kills / 4)))
      }),
    { timeout: 120_000 + kills * 30_000 }
  )

  it.effect(
    "what kills the process becomes a dead letter after its attempts, and the rest goes on (SQLite)",
    () => Effect.flatMap(TempFolder.make, (folder) => poisoned(join(folder, "store.db"))),
    { timeout: 300_000 }
  )

  it.effect(
    "what kills the process becomes a dead letter after its attempts, and the rest goes on (PostgreSQL)",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer
        yield* poisoned(yield* server.newDatabase)
      }),
    { timeout: 300_000 }
  )

  it.effect(
    "a database whose tables were being made is made whole by the next start",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer
        const folder = yield* TempFolder.make
        for (const url of [join(folder, "store.db"), yield* server.newDatabase]) {
          expect(yield* Effect.promise(() => killWhileStarting(url))).toEqual([])
        }
      }),
    { timeout: 300_000 }
  )
})
