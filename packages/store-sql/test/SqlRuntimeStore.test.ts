import { expect } from "@effect/vitest"
import { Effect } from "effect"
import { accept, create, end, id, logged, names, open, sequences } from "./support/Accounts.ts"
import { onEachDatabase } from "./support/EachDatabase.ts"
import * as Stores from "./support/Stores.ts"

onEachDatabase("SqlRuntimeStore", (it, makeDatabase) => {
  it.effect("R1 lets exactly one of concurrent creates of an id win", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const exits = yield* Effect.forEach([1, 2, 3], (epoch) => Effect.exit(create(store, "a", epoch)), {
        concurrency: "unbounded"
      })
      expect(exits.filter((exit) => exit._tag === "Success")).toHaveLength(1)
      expect((yield* Effect.flip(create(store, "a", 4)))._tag).toBe("AgentRuntimeAlreadyExists")
    })
  )

  it.effect("R3 creates an id anew after its end, with nothing of the life before", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const first = yield* create(store, "a", 1)
      const [one] = yield* accept(store, first, "x", "y")
      yield* end(store, first, one!, 1, true)
      yield* Stores.write(store, first, { bury: ["letter"], send: ["message"], terminated: true })
      expect((yield* open(store, "a")).terminated).toBe(true)
      const second = yield* create(store, "a", 2)
      expect(second.epoch).toBe(2)
      const opened = yield* open(store, "a")
      expect(opened).toMatchObject({
        epoch: 2,
        terminated: false,
        sequence: 0,
        state: { n: 0 },
        pending: [],
        deadLetters: [],
        outbox: []
      })
      expect(yield* logged(store, "a", 1)).toEqual([])
      expect(yield* logged(store, "a", 2)).toEqual([])
      expect(yield* store.stateAt(id("a"), 5)).toMatchObject({ sequence: 0 })
    })
  )

  it.effect("D3 refuses every write of an owner that has been replaced, and commits the others of its group", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const stale = yield* database.store
      const lost = yield* create(stale, "lost")
      const kept = yield* create(stale, "kept")
      const fresh = yield* database.store
      const now = yield* open(fresh, "lost")
      const outcomes = yield* Effect.all(
        [
          Effect.exit(accept(stale, lost, "x")),
          Effect.exit(accept(stale, kept, "y")),
          Effect.exit(Stores.write(stale, lost, { info: "z" })),
          Effect.exit(Stores.write(stale, lost, { terminated: true })),
          Effect.exit(Stores.write(stale, lost, { bury: ["b"] }))
        ],
        { concurrency: "unbounded" }
      )
      expect(outcomes.map((exit) => exit._tag)).toEqual(["Failure", "Success", "Failure", "Failure", "Failure"])
      expect((yield* Effect.flip(accept(stale, lost, "x")))._tag).toBe("RuntimeFenced")
      expect(yield* open(fresh, "lost")).toMatchObject({ pending: [], info: { paused: false }, deadLetters: [] })
      yield* accept(fresh, now.handle, "of the new owner")
      expect(names(yield* open(fresh, "kept"))).toEqual([{ name: "y" }])
    })
  )

  it.effect("D3 leaves a runtime to its owner where who opens it does not run its agent", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const owner = yield* database.store
      const other = yield* database.store
      const handle = yield* create(owner, "a")
      const seen = yield* other.open(id("a"), (agent) => agent !== "Account")
      expect(seen?.agent).toBe("Account")
      yield* accept(owner, handle, "x")
      expect(names((yield* other.open(id("a"), (agent) => agent === "Account"))!)).toEqual([{ name: "x" }])
      expect((yield* Effect.flip(accept(owner, handle, "y")))._tag).toBe("RuntimeFenced")
    })
  )

  it.effect("D4 answers at once where there is nothing to be written", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      expect(yield* store.write([])).toEqual([])
    })
  )

  it.effect("D3 refuses the write of a replaced owner alone where its group comes in parts", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const stale = yield* database.store
      const lost = yield* create(stale, "lost")
      const fresh = yield* database.store
      yield* open(fresh, "lost")
      const kept = yield* Effect.forEach(Array.from({ length: 70 }), (_, i) => create(stale, `r${i}`), {
        concurrency: "unbounded"
      })
      // The second writes come in while the first are answered, that of the replaced owner in their first part.
      const exits = yield* Effect.forEach(
        kept,
        (handle, i) =>
          Effect.andThen(accept(stale, handle, "x"), Effect.exit(accept(stale, i === 5 ? lost : handle, "y"))),
        { concurrency: "unbounded" }
      )
      expect(exits.flatMap((exit, i) => (exit._tag === "Failure" ? [i] : []))).toEqual([5])
      expect((yield* open(fresh, "lost")).pending).toEqual([])
      for (const i of [0, 4, 6, 31, 32, 69]) {
        expect(names(yield* open(fresh, `r${i}`))).toEqual([{ name: "x" }, { name: "y" }])
      }
    })
  )

  it.effect("D4 shares one commit among the writes of many runtimes", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      const handles = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => `r${i}`),
        (name) => create(store, name),
        {
          concurrency: "unbounded"
        }
      )
      yield* Effect.forEach(handles, (handle) => accept(store, handle, "1", "2"), { concurrency: "unbounded" })
      const sql = yield* database.sql
      const commits = yield* sql<{ commits: number }>`SELECT commits FROM agent_instances`
      expect(commits.map((row) => Number(row.commits))).toEqual([2])
      expect(yield* store.recoverable("Account")).toHaveLength(50)
    })
  )

  it.effect("D4 answers each write of a call in its place", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const handles = yield* Effect.forEach(["a", "b", "c", "d"], (name) => create(store, name))
      const exits = yield* store.write(
        handles.map((handle, i) => ({
          handle,
          change: {
            accept: Array.from({ length: i }, () => Stores.accepted(1))
          }
        }))
      )
      expect(exits.map((exit) => (exit._tag === "Success" ? exit.value.accepted.length : exit))).toEqual([0, 1, 2, 3])
      expect(yield* store.write([])).toEqual([])
    })
  )

  it.effect("D8 drops what is beyond retention and nothing that is pending", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const handle = yield* create(store, "a")
      const other = yield* create(store, "b")
      yield* accept(store, handle, "waiting")
      for (let sequence = 1; sequence <= 10; sequence++) {
        yield* end(store, handle, 0, sequence, true)
        yield* end(store, other, 0, sequence, true)
      }
      yield* store.compact(handle, { log: 3, states: 2 })
      const opened = yield* open(store, "a")
      expect(yield* sequences(store, "a")).toEqual([8, 9, 10])
      expect(names(opened)).toEqual([{ name: "waiting" }])
      expect(yield* store.stateAt(id("a"), 8)).toBeUndefined()
      expect(yield* store.stateAt(id("a"), 9)).toMatchObject({ sequence: 9 })
      expect(yield* sequences(store, "b")).toHaveLength(10)
      yield* store.compact(handle, { log: Number.POSITIVE_INFINITY, states: Number.POSITIVE_INFINITY })
      yield* end(store, opened.handle, 0, 11)
      expect(yield* sequences(store, "a")).toEqual([8, 9, 10, 11])
      yield* store.compact(opened.handle, { log: 0, states: 0 })
      expect(yield* sequences(store, "a")).toEqual([])
      yield* end(store, opened.handle, 0, 12)
      expect(yield* sequences(store, "a")).toEqual([12])
    })
  )

  it.effect("R2 purges a terminated runtime with all its rows, and no other", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      const handle = yield* create(store, "a")
      yield* accept(store, handle, "x")
      yield* end(store, handle, 0, 1, true)
      yield* Stores.write(store, handle, { bury: ["b"], send: ["s"] })
      expect(yield* store.purge(id("a"))).toBe(false)
      yield* Stores.write(store, handle, { terminated: true })
      expect(yield* store.recoverable("Account")).toEqual([])
      expect(yield* store.purge(id("a"))).toBe(true)
      expect(yield* store.purge(id("a"))).toBe(false)
      expect(yield* store.open(id("a"))).toBeUndefined()
      const sql = yield* database.sql
      for (const table of ["runtimes", "pending", "log", "states", "letters", "outbox"]) {
        const rows = yield* sql<{ n: number }>`SELECT count(*) AS n FROM ${sql(`agent_${table}`)}`
        expect([table, Number(rows[0]?.n)]).toEqual([table, 0])
      }
      expect((yield* Effect.flip(Stores.write(store, handle, { info: 1 })))._tag).toBe("RuntimeFenced")
    })
  )

  it.effect("R2 lists runtimes by id in ascending order, a page at a time", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      for (const name of ["b", "B", "a_1", "a-1", "a", "Z"]) yield* create(store, name)
      const list = (options: { agent?: string; after?: string; limit: number }) =>
        Effect.map(store.list({ agent: options.agent, after: options.after, limit: options.limit }), (page) =>
          page.map((one) => one.id)
        )
      expect(yield* list({ limit: 10 })).toEqual(["B", "Z", "a", "a-1", "a_1", "b"])
      expect(yield* list({ after: "Z", limit: 2 })).toEqual(["a", "a-1"])
      expect(yield* list({ agent: "Account", limit: 1 })).toEqual(["B"])
      expect(yield* list({ agent: "Other", limit: 10 })).toEqual([])
    })
  )
})
