import { NodeSqlite } from "@agent-runtime/store-sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as TempFolder from "./support/TempFolder.ts"

const open = (config: NodeSqlite.NodeSqliteConfig) => Effect.provide(NodeSqlite.make(config), Reactivity.layer)

const withTable = (config: Omit<NodeSqlite.NodeSqliteConfig, "filename"> = {}) =>
  Effect.gen(function* () {
    const folder = yield* TempFolder.make
    const filename = join(folder, "test.db")
    const sql = yield* open({ filename, ...config })
    yield* sql`CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`
    return { sql, filename, folder }
  })

const count = (sql: SqlClient.SqlClient) =>
  Effect.map(sql<{ n: number }>`SELECT count(*) AS n FROM t`, (rows) => rows[0]!.n)

const condition = <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>) =>
  Effect.map(Effect.flip(effect), (error) => [NodeSqlite.conditionOf(error), error.message] as const)

describe("NodeSqlite", () => {
  it.live("keeps a write-ahead log and waits for the disk at each commit by default", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      expect(yield* sql`PRAGMA journal_mode`).toEqual([{ journal_mode: "wal" }])
      expect(yield* sql`PRAGMA synchronous`).toEqual([{ synchronous: 2 }])
      expect(yield* sql`PRAGMA busy_timeout`).toEqual([{ timeout: 250 }])
    })
  )

  it.live("commits a transaction whole, rolls back a failed one, and undoes only a failed nested one", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      yield* sql.withTransaction(sql`INSERT INTO t (v) VALUES ('a')`)
      yield* Effect.exit(sql.withTransaction(Effect.andThen(sql`INSERT INTO t (v) VALUES ('b')`, Effect.fail("no"))))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`INSERT INTO t (v) VALUES ('c')`
          yield* Effect.exit(
            sql.withTransaction(Effect.andThen(sql`INSERT INTO t (v) VALUES ('d')`, Effect.fail("no")))
          )
          yield* sql.withTransaction(sql`INSERT INTO t (v) VALUES ('e')`)
        })
      )
      expect(yield* sql`SELECT v FROM t ORDER BY id`).toEqual([{ v: "a" }, { v: "c" }, { v: "e" }])
    })
  )

  it.live("rolls back a transaction that is interrupted at any statement", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      for (let i = 0; i < 50; i++) {
        const fiber = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`INSERT INTO t (v) VALUES ('x')`
              yield* sql`INSERT INTO t (v) VALUES ('y')`
              yield* Effect.never
            })
          ),
          { startImmediately: true }
        )
        for (let turns = 0; turns < i; turns++) yield* Effect.promise(() => new Promise(setImmediate))
        yield* Fiber.interrupt(fiber)
      }
      expect(yield* count(sql)).toBe(0)
      yield* sql.withTransaction(sql`INSERT INTO t (v) VALUES ('after')`)
      expect(yield* count(sql)).toBe(1)
    })
  )

  it.live(
    "stores booleans as numbers, bytes as bytes, and refuses integers it cannot represent unless asked for bigint",
    () =>
      Effect.gen(function* () {
        const { sql } = yield* withTable()
        const rows =
          yield* sql`SELECT ${true} AS yes, ${false} AS no, ${new Uint8Array([1, 2])} AS bytes, ${null} AS nil`
        expect(rows).toEqual([{ yes: 1, no: 0, bytes: new Uint8Array([1, 2]), nil: null }])
        const large = sql`SELECT 9007199254740993 AS n`
        expect((yield* Effect.flip(large)).message).toMatch(/too large/)
        expect(yield* Effect.provideService(large, SqlClient.SafeIntegers, true)).toEqual([{ n: 9007199254740993n }])
        const pair = sql`SELECT 1 AS a, 2 AS b`
        expect(yield* pair.values).toEqual([[1, 2]])
        expect(yield* pair).toEqual([{ a: 1, b: 2 }])
      })
  )

  it.live("streams a result in pieces and leaves the connection usable when the reader stops early", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      yield* sql`INSERT INTO t (id) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n FROM c`
      const all = yield* Stream.runCollect(sql<{ id: number }>`SELECT id FROM t ORDER BY id`.stream)
      expect(all.map((row) => row.id)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1))
      const some = yield* Stream.runCollect(Stream.take(sql`SELECT id FROM t`.stream, 3))
      expect(some).toHaveLength(3)
      yield* sql`DROP TABLE t`
    })
  )

  it.live("goes on when its cache of prepared statements is full", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable({ statementCacheSize: 2 })
      for (let i = 0; i < 20; i++) {
        expect(yield* sql.unsafe(`SELECT ${i} AS n`)).toEqual([{ n: i }])
        expect(yield* sql.unsafe(`SELECT ? AS n`, [i])).toEqual([{ n: i }])
      }
    })
  )

  it.live("D6 says that the disk is full, writes nothing, and goes on when there is room", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable({ maxSize: 64 * 1024 })
      const insert = sql.withTransaction(sql`INSERT INTO t (v) VALUES (${"x".repeat(100_000)})`)
      const [fault, message] = yield* condition(insert)
      expect(fault).toBe("DiskFull")
      expect(message).toMatch(/no space is left for .*test\.db/)
      expect(yield* count(sql)).toBe(0)
      yield* sql`PRAGMA max_page_count = 1000`
      yield* insert
      expect(yield* count(sql)).toBe(1)
    })
  )

  it.live("D6 says that another process holds the lock, within the busy timeout, and goes on when it is free", () =>
    Effect.gen(function* () {
      const { sql, filename } = yield* withTable({ busyTimeout: 20 })
      const other = new DatabaseSync(filename)
      other.exec("BEGIN IMMEDIATE")
      const insert = sql.withTransaction(sql`INSERT INTO t (v) VALUES ('x')`)
      const [fault, message] = yield* condition(insert)
      expect(fault).toBe("Locked")
      expect(message).toMatch(/test\.db is locked by another process/)
      let begun = false
      yield* condition(sql.withTransaction(Effect.sync(() => (begun = true))))
      expect(begun).toBe(false)
      other.exec("COMMIT")
      other.close()
      yield* insert
      expect(yield* count(sql)).toBe(1)
    })
  )

  it.live("says that a database opened for reading cannot be written", () =>
    Effect.gen(function* () {
      const { filename } = yield* withTable()
      const reader = yield* open({ filename, readonly: true })
      expect(yield* count(reader)).toBe(0)
      const [fault] = yield* condition(reader`INSERT INTO t (v) VALUES ('x')`)
      expect(fault).toBe("ReadOnly")
    })
  )

  it.live("says at once that a file is no database, and leaves it as it was", () =>
    Effect.gen(function* () {
      const folder = yield* TempFolder.make
      const filename = join(folder, "letter.txt")
      writeFileSync(filename, "Dear Sir or Madam, ".repeat(1000))
      const size = statSync(filename).size
      const [fault, message] = yield* condition(open({ filename }))
      expect(fault).toBe("Corrupt")
      expect(message).toMatch(/letter\.txt is damaged or is not an SQLite database/)
      expect(statSync(filename).size).toBe(size)
    })
  )

  it.live("says at once that a file cannot be opened", () =>
    Effect.gen(function* () {
      const [fault, message] = yield* condition(open({ filename: "/nowhere/at/all.db" }))
      expect(fault).toBe("CannotOpen")
      expect(message).toMatch(/does its folder exist/)
    })
  )

  it.live("tells a broken unique constraint and a broken statement from a fault of the file", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      yield* sql`INSERT INTO t (id) VALUES (1)`
      const unique = yield* Effect.flip(sql`INSERT INTO t (id) VALUES (1)`)
      expect(unique.reason._tag).toBe("ConstraintError")
      expect(NodeSqlite.conditionOf(unique)).toBeUndefined()
      expect((yield* Effect.flip(sql`SELEKT`)).message).toMatch(/syntax error/)
    })
  )

  it.live("writes the log back into the file when its scope closes, and answers nothing afterwards", () =>
    Effect.gen(function* () {
      const folder = yield* TempFolder.make
      const filename = join(folder, "test.db")
      const scope = yield* Scope.make()
      const sql = yield* Scope.provide(open({ filename }), scope)
      yield* sql`CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`
      expect(existsSync(`${filename}-wal`)).toBe(true)
      yield* Scope.close(scope, Exit.void)
      expect(existsSync(`${filename}-wal`)).toBe(false)
      expect((yield* Effect.flip(sql`SELECT 1`)).message).toMatch(/closed/)
    })
  )

  it.live("does not hold up the program while a statement runs", () =>
    Effect.gen(function* () {
      const { sql } = yield* withTable()
      let turns = 0
      const spin = setInterval(() => turns++, 1)
      yield* sql`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT max(n) FROM c`
      clearInterval(spin)
      expect(turns).toBeGreaterThan(3)
    })
  )

  const runProgram = (program: string) =>
    spawnSync(
      process.execPath,
      [
        "--conditions=@agent-runtime/source",
        "--input-type=module",
        "--eval",
        `import { NodeSqlite } from "@agent-runtime/store-sql"
         import { Effect, Scope } from "effect"
         import { SqlClient } from "effect/sql"
         import { Reactivity } from "effect/reactivity"
         ${program}`
      ],
      { cwd: import.meta.dirname, encoding: "utf8", timeout: 100_000 }
    )

  it("prints no warning, and a client that is never closed does not keep the program alive", () => {
    const { status, stderr, stdout } = runProgram(`
      const sql = await Effect.runPromise(NodeSqlite.make({ filename: ":memory:" }).pipe(
        Effect.provideService(Scope.Scope, Scope.makeUnsafe()), Effect.provide(Reactivity.layer)))
      console.log(await Effect.runPromise(sql\`SELECT 42 AS answer\`))`)
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: "", stdout: "[ { answer: 42 } ]\n" })
  })

  it("keeps the program alive until it has closed", () => {
    const { status, stderr, stdout } = runProgram(`
      await Effect.runPromise(Effect.provide(SqlClient.SqlClient, NodeSqlite.layer({ filename: ":memory:" })))
      console.log("closed")`)
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: "", stdout: "closed\n" })
  })

  it.runIf(existsSync("/usr/bin/strace"))(
    "D1 syncs the log to the disk before a write of the store is answered",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "agent-runtime-"))
      const trace = join(folder, "trace")
      const program = `
      import { RuntimeStore } from "@agent-runtime/core"
      import { SqlRuntimeStore } from "@agent-runtime/store-sql"
      import { Effect } from "effect"
      import { writeSync } from "node:fs"
      await Effect.runPromise(Effect.gen(function*() {
        const store = yield* RuntimeStore.RuntimeStore
        const handle = yield* store.create({ id: "a", agent: "A", epoch: 1, state: 0, version: 1, info: null })
        for (let i = 0; i < 3; i++) {
          writeSync(1, "asked")
          yield* store.write([{ handle, change: { accept: [{ activity: "x", attempts: 0, crashes: 0, failures: 0, due: undefined, ahead: false }] } }])
          writeSync(1, "answered")
        }
      }).pipe(Effect.provide(SqlRuntimeStore.layerSqlite({ filename: ${JSON.stringify(join(folder, "test.db"))} }))))`
      const node = [process.execPath, "--conditions=@agent-runtime/source", "--input-type=module", "--eval", program]
      spawnSync("strace", ["-f", "-e", "trace=fdatasync,fsync,write", "-o", trace, ...node], {
        cwd: import.meta.dirname,
        timeout: 100_000
      })
      const story = readFileSync(trace, "utf8")
        .split("\n")
        .flatMap((line) => /"(asked|answered)"|(sync)\(/.exec(line)?.slice(1).filter(Boolean) ?? [])
      rmSync(folder, { recursive: true, force: true })
      expect(story.join(" ")).toMatch(/(asked (sync )+answered ?){3}/)
    }
  )
})
