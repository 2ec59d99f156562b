import { RuntimeStore } from "@agent-runtime/core"
import { NodeSqlite, SqlRuntimeStore } from "@agent-runtime/store-sql"
import { AgentRuntimeId } from "@agent-runtime/schema"
import { PgClient } from "@effect/sql-pg"
import { describe, expect, it, layer } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, type Schema, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { spawnSync } from "node:child_process"
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as FaultyWire from "./support/FaultyWire.ts"
import { PostgresServer } from "./support/PostgresServer.ts"
import * as Stores from "./support/Stores.ts"
import * as TempFolder from "./support/TempFolder.ts"

type Store = RuntimeStore.RuntimeStore["Service"]

const id = AgentRuntimeId.AgentRuntimeId.make("a")

const create = (store: Store, name: AgentRuntimeId.AgentRuntimeId = id) =>
  store.create({ id: name, agent: "A", epoch: 1, state: 0, version: 1, info: null })

const accept = (store: Store, handle: RuntimeStore.Handle, activity: Schema.Json) =>
  Stores.write(store, handle, { accept: [Stores.accepted(activity)] })

const pending = (store: Store) => Effect.map(store.open(id), (opened) => opened?.pending.map((one) => one.activity))

/**
 * Writes twice for many at once, so that the second writes come in parts while the first are answered. One of those cannot be
 * written; answers what became of each.
 */
const writeBeside = (store: Store, bad: Schema.Json) =>
  Effect.gen(function* () {
    const handles = yield* Effect.forEach(
      Array.from({ length: 70 }, (_, i) => AgentRuntimeId.AgentRuntimeId.make(`r${i}`)),
      (name) => create(store, name),
      { concurrency: "unbounded" }
    )
    const exits = yield* Effect.forEach(
      handles,
      (handle, i) =>
        Effect.andThen(accept(store, handle, "first"), Effect.exit(accept(store, handle, i === 2 ? bad : "good"))),
      { concurrency: "unbounded" }
    )
    const left = yield* Effect.forEach(handles, (handle) =>
      Effect.map(store.open(handle.id), (opened) => opened?.pending.length)
    )
    yield* accept(store, (yield* store.open(handles[2]!.id))!.handle, "good as well")
    return { outcomes: exits.map((exit) => exit._tag), left }
  })

const alone = {
  outcomes: Array.from({ length: 70 }, (_, i) => (i === 2 ? "Failure" : "Success")),
  left: Array.from({ length: 70 }, (_, i) => (i === 2 ? 1 : 2))
}

const circular: Record<string, Schema.Json> = {}
circular["self"] = circular

const clientOf = (layer: Layer.Layer<SqlClient.SqlClient, unknown>) =>
  Effect.orDie(Effect.map(Layer.build(Layer.fresh(layer)), Context.get(SqlClient.SqlClient)))

describe("SqlRuntimeStore on SQLite", () => {
  const open = (config: Omit<NodeSqlite.NodeSqliteConfig, "filename"> = {}) =>
    Effect.gen(function* () {
      const filename = join(yield* TempFolder.make, "store.db")
      const sql = yield* clientOf(NodeSqlite.layer({ filename, ...config }))
      const store = yield* Stores.onClient(sql)
      return { filename, sql, store, handle: yield* create(store) }
    })

  it.live("D6 acknowledges nothing on a full disk, and goes on when there is room", () =>
    Effect.gen(function* () {
      const { handle, sql, store } = yield* open({ maxSize: 300_000 })
      yield* accept(store, handle, "before")
      const error = yield* Effect.flip(accept(store, handle, "x".repeat(400_000)))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "full",
        message: expect.stringMatching(/no space is left for/)
      })
      expect(yield* pending(store)).toEqual(["before"])
      yield* accept(store, handle, "small enough")
      yield* sql`PRAGMA max_page_count = 100000`
      yield* accept(store, handle, "x".repeat(400_000))
      expect(yield* pending(store)).toHaveLength(3)
    })
  )

  it.live("D6 acknowledges nothing while another process holds the lock, and goes on when it lets go", () =>
    Effect.gen(function* () {
      const { filename, handle, store } = yield* open({ busyTimeout: 20 })
      const other = new DatabaseSync(filename)
      other.exec("BEGIN IMMEDIATE")
      const error = yield* Effect.flip(accept(store, handle, "x"))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        message: expect.stringMatching(/is locked by another process/)
      })
      expect(error).not.toHaveProperty("reason")
      other.exec("COMMIT")
      other.close()
      yield* accept(store, handle, "y")
      expect(yield* pending(store)).toEqual(["y"])
    })
  )

  it.live("D6 lets what cannot be written fail alone, and commits the others of its group", () =>
    Effect.gen(function* () {
      const { store } = yield* open({ maxSize: 300_000 })
      expect(yield* writeBeside(store, "x".repeat(400_000))).toEqual(alone)
      const { store: another } = yield* open()
      expect(yield* writeBeside(another, ["not left behind", circular])).toEqual(alone)
    })
  )

  for (const [how, link, message] of [
    ["a symbolic link", symlinkSync, /is in use by another process/],
    ["a hard link", linkSync, /has 2 names/]
  ] as const) {
    it.live(`lets nobody have the file a second time by ${how}`, () =>
      Effect.gen(function* () {
        const folder = yield* TempFolder.make
        const filename = join(folder, "store.db")
        const at = (filename: string) =>
          Layer.build(Layer.fresh(SqlRuntimeStore.layerSqlite({ filename, busyTimeout: 20, exclusive: undefined })))
        yield* at(filename)
        link(filename, join(folder, "alias.db"))
        expect((yield* Effect.flip(at(join(folder, "alias.db")))).message).toMatch(message)
      })
    )
  }

  it.live("lets nobody have the file a second time by a symbolic link that was there before the file", () =>
    Effect.gen(function* () {
      const folder = yield* TempFolder.make
      mkdirSync(join(folder, "data"))
      symlinkSync("data", join(folder, "current"))
      symlinkSync("../data/store.db", join(folder, "data", "a.db"))
      symlinkSync(join("current", "a.db"), join(folder, "b.db"))
      const at = (name: string) =>
        Layer.build(Layer.fresh(SqlRuntimeStore.layerSqlite({ filename: join(folder, name), busyTimeout: 20 })))
      yield* at("b.db")
      for (const name of ["b.db", "current/a.db", "data/store.db"]) {
        expect((yield* Effect.flip(at(name))).reason).toBe("in-use")
      }
    })
  )

  it.live("does not open a file whose lock cannot be had", () =>
    Effect.gen(function* () {
      const folder = yield* TempFolder.make
      writeFileSync(join(folder, "a.db-lock"), "this is not a lock".repeat(100))
      mkdirSync(join(folder, "b.db-lock"))
      for (const [name, message] of [
        ["a.db", /a\.db-lock cannot be locked: file is not a database/],
        ["b.db", /b\.db-lock cannot be locked: unable to open database file/]
      ] as const) {
        const error = yield* Effect.flip(Layer.build(SqlRuntimeStore.layerSqlite({ filename: join(folder, name) })))
        expect(error.message).toMatch(message)
      }
    })
  )

  it.live("refuses a name that no file keeps, and a URI, which is another name of a file", () =>
    Effect.gen(function* () {
      for (const [filename, message] of [
        ["", /filename is empty/],
        ["file:", /filename is a URI/],
        [`file:${join(yield* TempFolder.make, "store.db")}?mode=rwc`, /filename is a URI/]
      ] as const) {
        const error = yield* Effect.flip(Layer.build(SqlRuntimeStore.layerSqlite({ filename })))
        expect(error.message).toMatch(message)
      }
    })
  )

  it.live("lets one process have the file; a second one is told so, and has it once the first has gone", () =>
    Effect.gen(function* () {
      const filename = join(yield* TempFolder.make, "store.db")
      const layer = Layer.fresh(SqlRuntimeStore.layerSqlite({ filename, busyTimeout: 20 }))
      const first = yield* Scope.make()
      const store = Context.get(yield* Layer.buildWithScope(layer, first), RuntimeStore.RuntimeStore)
      const handle = yield* create(store)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "in-use",
        message: expect.stringMatching(/store\.db is in use by another process/)
      })
      const other = spawnSync(
        process.execPath,
        [
          "--conditions=@agent-runtime/source",
          "--input-type=module",
          "--eval",
          `import { NodeSqlite } from "@agent-runtime/store-sql"
         import { Effect, Layer } from "effect"
         const client = NodeSqlite.layer({ filename: ${JSON.stringify(filename)}, exclusive: true, busyTimeout: 20 })
         const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(client))))
         console.log(NodeSqlite.conditionOf(error))`
        ],
        { cwd: import.meta.dirname, encoding: "utf8" }
      )
      expect(other.stdout).toBe("InUse\n")
      // Whoever has it goes on, undisturbed.
      yield* accept(store, handle, "x")
      yield* Scope.close(first, Exit.void)
      const next = Context.get(yield* Layer.build(layer), RuntimeStore.RuntimeStore)
      expect(yield* pending(next)).toEqual(["x"])
    })
  )

  it.live("says at the start that the file cannot be written", () =>
    Effect.gen(function* () {
      const { filename } = yield* open()
      const reader = yield* clientOf(NodeSqlite.layer({ filename, readonly: true }))
      const error = yield* Effect.flip(Stores.onClient(reader))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "read-only",
        message: expect.stringMatching(/cannot be written/)
      })
    })
  )

  it.live("says at the start that the file is no database", () =>
    Effect.gen(function* () {
      const filename = join(yield* TempFolder.make, "store.db")
      writeFileSync(filename, "not a database, but long enough to have been one ".repeat(100))
      const error = yield* Effect.flip(Layer.build(SqlRuntimeStore.layerSqlite({ filename })))
      expect(error).toMatchObject({
        _tag: "StoreUnavailable",
        reason: "damaged",
        message: expect.stringMatching(/is not an SQLite database/)
      })
    })
  )
})

layer(PostgresServer.layer, { excludeTestServices: true, timeout: 300_000 })("SqlRuntimeStore on PostgreSQL", (it) => {
  const open = Effect.gen(function* () {
    const server = yield* PostgresServer
    const url = new URL(yield* server.newDatabase)
    const wire = yield* FaultyWire.make(Number(url.port))
    const direct = yield* clientOf(PgClient.layer({ url: Redacted.make(url.href) }))
    url.port = String(wire.port)
    const client = yield* clientOf(PgClient.layer({ url: Redacted.make(url.href) }))
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const store = yield* Stores.onClient(client).pipe(
      Scope.provide(scope),
      Effect.provideService(SqlRuntimeStore.Timeout, "1 second")
    )
    const close = Scope.close(scope, Exit.void)
    const rows = Effect.map(
      direct<{ activity: string }>`SELECT activity FROM agent_pending ORDER BY position`,
      (found) => found.map((row) => JSON.parse(row.activity))
    )
    return { server, wire, direct, store, close, rows, handle: yield* create(store) }
  })

  it.effect("D6 lets what cannot be written fail alone, and commits the others of its group", () =>
    Effect.gen(function* () {
      const { direct, store } = yield* open
      yield* direct`ALTER TABLE agent_pending ADD CONSTRAINT short CHECK (length(activity) < 1000)`
      expect(yield* writeBeside(store, "x".repeat(2000))).toEqual(alone)
    })
  )

  it.effect("D1 has flushed the log of the database when a write is answered", () =>
    Effect.gen(function* () {
      const { direct, handle, store } = yield* open
      const flushed = Effect.map(direct<{ lsn: string }>`SELECT pg_current_wal_flush_lsn() - '0/0' AS lsn`, ([row]) =>
        Number(row?.lsn)
      )
      const written = Effect.map(direct<{ lsn: string }>`SELECT pg_current_wal_insert_lsn() - '0/0' AS lsn`, ([row]) =>
        Number(row?.lsn)
      )
      for (let i = 0; i < 20; i++) {
        const before = yield* written
        yield* accept(store, handle, "x")
        expect((yield* flushed) - before).toBeGreaterThan(0)
      }
    })
  )

  it.effect("D6 finds out that a commit whose answer was lost has happened, and acknowledges it once", () =>
    Effect.gen(function* () {
      const { handle, rows, store, wire } = yield* open
      yield* accept(store, handle, "before")
      wire.cut("after")
      const written = yield* accept(store, handle, "lost answer")
      expect(written.accepted).toHaveLength(1)
      yield* accept(store, handle, "after")
      expect(yield* rows).toEqual(["before", "lost answer", "after"])
    })
  )

  it.effect("D6 writes apart what is together too large for a statement", () =>
    Effect.gen(function* () {
      const { direct } = yield* open
      // As V8 refuses a string of more than 512 MB.
      const unsafe: typeof direct.unsafe = (statement, params) => {
        const tooLong = params?.find((param) => typeof param === "string" && param.length > 2500)
        if (tooLong !== undefined) throw new RangeError("Invalid string length")
        return direct.unsafe(statement, params)
      }
      const store = yield* Stores.onClient(Object.assign(direct.bind(undefined), direct, { unsafe }))
      const { handle } = (yield* store.open(id))!
      const exits = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, i) => i),
        (i) => Effect.exit(accept(store, handle, `${i}`.repeat(i === 5 ? 3000 : 1000))),
        { concurrency: "unbounded" }
      )
      expect(exits.map((exit) => exit._tag === "Success")).toEqual([true, true, true, true, true, false, true, true])
    })
  )

  it.effect("D6 finds out that a commit which never arrived has not happened, and refuses it", () =>
    Effect.gen(function* () {
      const { handle, rows, store, wire } = yield* open
      yield* accept(store, handle, "before")
      wire.cut("before")
      expect((yield* Effect.flip(accept(store, handle, "never arrived")))._tag).toBe("StoreUnavailable")
      yield* accept(store, handle, "after")
      expect(yield* rows).toEqual(["before", "after"])
    })
  )

  it.effect(
    "D6 refuses others while a commit is unknown and the database is away, then acknowledges what was committed",
    () =>
      Effect.gen(function* () {
        const { handle, rows, store, wire } = yield* open
        yield* accept(store, handle, "before")
        wire.cut("after", { block: true })
        const unknown = yield* Effect.forkChild(accept(store, handle, "unknown"), { startImmediately: true })
        while ((yield* rows).length < 2) yield* Effect.yieldNow
        expect((yield* Effect.flip(accept(store, handle, "refused")))._tag).toBe("StoreUnavailable")
        expect(unknown.pollUnsafe()).toBeUndefined()
        wire.block(false)
        expect((yield* Fiber.join(unknown)).accepted).toHaveLength(1)
        yield* accept(store, handle, "after")
        expect(yield* rows).toEqual(["before", "unknown", "after"])
      })
  )

  it.effect("R6 ends while a commit is unknown and the database stays away", () =>
    Effect.gen(function* () {
      const { rows, store, wire, handle, close } = yield* open
      wire.cut("after", { block: true })
      const unknown = yield* Effect.forkChild(Effect.flip(accept(store, handle, "unknown")), { startImmediately: true })
      while ((yield* rows).length < 1) yield* Effect.yieldNow
      const closing = yield* Effect.forkDetach(close)
      const closed = yield* Effect.timeoutOption(Fiber.await(closing), "20 seconds")
      // Otherwise nothing could end here.
      wire.block(false)
      expect(Option.isSome(closed)).toBe(true)
      expect((yield* Fiber.join(unknown))._tag).toBe("StoreUnavailable")
    })
  )

  it.effect("D6 refuses what a database that went silent does not answer, and goes on when it answers again", () =>
    Effect.gen(function* () {
      const { handle, rows, store, wire } = yield* open
      yield* accept(store, handle, "before")
      wire.silence("now")
      const asked: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        accept(store, handle, "refused"),
        store.open(handle.id),
        store.recoverable("Account"),
        store.list({ agent: undefined, after: undefined, limit: 1 }),
        store.purge(handle.id)
      ]
      const refused = yield* Effect.forEach(asked, (one) => Effect.flip(one), { concurrency: "unbounded" }).pipe(
        Effect.timeout("20 seconds")
      )
      expect(refused.map(({ _tag }) => _tag)).toEqual(asked.map(() => "StoreUnavailable"))
      wire.speak()
      yield* accept(store, handle, "after").pipe(Effect.retry({ times: 20 }))
      expect(yield* rows).toEqual(["before", "after"])
    })
  )

  it.effect("D6 acknowledges a commit whose answer was held back once it is known, and refuses others until then", () =>
    Effect.gen(function* () {
      const { handle, rows, store, wire } = yield* open
      wire.silence("commit")
      const unknown = yield* Effect.forkChild(accept(store, handle, "unknown"), { startImmediately: true })
      while ((yield* rows).length < 1) yield* Effect.yieldNow
      const refused = yield* Effect.flip(accept(store, handle, "refused")).pipe(Effect.timeout("20 seconds"))
      expect(refused._tag).toBe("StoreUnavailable")
      expect(unknown.pollUnsafe()).toBeUndefined()
      wire.speak()
      expect((yield* Fiber.join(unknown)).accepted).toHaveLength(1)
      yield* accept(store, handle, "after")
      expect(yield* rows).toEqual(["unknown", "after"])
    })
  )

  it.effect("R6 ends while the database is silent", () =>
    Effect.gen(function* () {
      const { close, handle, rows, store, wire } = yield* open
      wire.silence("commit")
      const unknown = yield* Effect.forkChild(Effect.flip(accept(store, handle, "unknown")), { startImmediately: true })
      while ((yield* rows).length < 1) yield* Effect.yieldNow
      const closing = yield* Effect.forkDetach(close)
      const closed = yield* Effect.timeoutOption(Fiber.await(closing), "20 seconds")
      // Otherwise nothing could end here.
      wire.speak()
      expect(Option.isSome(closed)).toBe(true)
      expect((yield* Fiber.join(unknown))._tag).toBe("StoreUnavailable")
    })
  )

  it.effect("D6 goes on without a restart after its connections were cut and after the server crashed", () =>
    Effect.gen(function* () {
      const { handle, rows, server, store } = yield* open
      yield* accept(store, handle, "1")
      yield* server.cutConnections
      yield* accept(store, handle, "2").pipe(Effect.retry({ times: 5 }))
      yield* server.crash
      expect((yield* Effect.flip(accept(store, handle, "never")))._tag).toBe("StoreUnavailable")
      yield* server.start
      yield* accept(store, handle, "3").pipe(Effect.retry({ times: 5 }))
      expect(yield* rows).toEqual(["1", "2", "3"])
    })
  )
})
