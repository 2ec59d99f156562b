import type { RuntimeStore } from "@agent-runtime/core"
import { AgentRuntimeId } from "@agent-runtime/schema"
import { describe, expect, layer, type Vitest } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { PostgresServer } from "./support/PostgresServer.ts"
import * as Stores from "./support/Stores.ts"

type Store = RuntimeStore.RuntimeStore["Service"]

const id = (name: string) => AgentRuntimeId.AgentRuntimeId.make(name)

const create = (store: Store, name: string, epoch = 1) =>
  store.create({ id: id(name), agent: "Account", epoch, state: { n: 0 }, version: 1, info: { paused: false } })

const accept = (store: Store, handle: RuntimeStore.Handle, ...names: ReadonlyArray<string>) =>
  Effect.map(
    Stores.write(store, handle, {
      accept: names.map((name) => ({
        activity: { name },
        attempts: 0,
        crashes: 0,
        failures: 0,
        due: undefined,
        ahead: false
      }))
    }),
    (written) => written.accepted
  )

const end = (store: Store, handle: RuntimeStore.Handle, position: number, sequence: number, keep = false) =>
  Stores.write(store, handle, {
    remove: [position],
    append: [{ sequence, at: 1000 + sequence, entry: { ended: sequence } }],
    state: { state: { n: sequence }, version: 1, sequence, keep }
  })

const open = (store: Store, name: string) =>
  Effect.map(store.open(id(name)), (opened) => {
    if (opened === undefined) throw new Error(`${name} is not there`)
    return opened
  })

const logged = (store: Store, name: string, epoch = 1) => store.log(id(name), { epoch, after: 0, limit: 100 })

const sequences = (store: Store, name: string) =>
  Effect.map(logged(store, name), (entries) => entries.map((one) => one.sequence))

const names = (opened: RuntimeStore.Opened) => opened.pending.map((one) => one.activity)

const suites = (
  it: Vitest.MethodsNonLive<PostgresServer>,
  makeDatabase: Effect.Effect<Stores.Database, SqlError.SqlError, PostgresServer | Scope.Scope>
) => {
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

  it.effect("D2 gives back what was left: state, order, attempts, delays, what ran, dead letters, outbox", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* database.store
          const handle = yield* create(store, "a")
          const [one, two, three] = yield* accept(store, handle, "one", 'two "quoted" \\ {},\u0000 ü', "three")
          yield* Stores.write(store, handle, { start: { position: one!, attempts: 1 } })
          yield* Stores.write(store, handle, {
            remove: [one!],
            append: [{ sequence: 1, at: 5, entry: { ended: 1 } }],
            state: { state: { n: 1 }, version: 2, sequence: 1, keep: false },
            info: { paused: true },
            bury: [{ letter: 1 }],
            send: [{ to: "b" }, { to: "c" }],
            start: { position: two!, attempts: 1 }
          })
          yield* Stores.write(store, handle, {
            update: [{ position: two!, attempts: 1, crashes: 0, failures: 1, due: 99, ahead: false }],
            start: { position: three!, attempts: 4 }
          })
        })
      )
      const store = yield* database.store
      expect(yield* store.recoverable("Account")).toEqual(["a"])
      expect(yield* store.recoverable("Other")).toEqual([])
      expect(yield* logged(store, "a")).toEqual([{ sequence: 1, at: 5, entry: { ended: 1 } }])
      const opened = yield* open(store, "a")
      expect(opened).toMatchObject({
        id: "a",
        agent: "Account",
        epoch: 1,
        terminated: false,
        state: { n: 1 },
        version: 2,
        sequence: 1,
        info: { paused: true },
        running: opened.pending[1]?.position
      })
      expect(opened.pending).toMatchObject([
        {
          activity: { name: 'two "quoted" \\ {},\u0000 ü' },
          attempts: 1,
          crashes: 0,
          failures: 1,
          due: 99,
          ahead: false
        },
        { activity: { name: "three" }, attempts: 4, crashes: 0, failures: 0, due: undefined, ahead: false }
      ])
      expect(opened.deadLetters.map((one) => one.value)).toEqual([{ letter: 1 }])
      expect(opened.outbox.map((one) => one.value)).toEqual([{ to: "b" }, { to: "c" }])

      yield* Stores.write(store, opened.handle, {
        exhume: [opened.deadLetters[0]!.position],
        sent: [opened.outbox[0]!.position],
        update: [{ position: opened.running!, attempts: 4, crashes: 1, failures: 2, due: undefined, ahead: true }]
      })
      const again = yield* open(store, "a")
      expect(again).toMatchObject({ running: undefined, deadLetters: [], outbox: [{ value: { to: "c" } }] })
      expect(again.pending[1]).toMatchObject({ attempts: 4, crashes: 1, failures: 2, ahead: true })
    })
  )

  it.effect("D2 gives back nothing that has ended, though its row goes later, many at a time", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      const sql = yield* database.sql
      const rows = Effect.map(sql<{ n: number }>`SELECT count(*) AS n FROM agent_pending`, ([row]) => Number(row?.n))
      const all = Array.from({ length: 40 }, (_, i) => `${i}`)
      const handle = yield* create(store, "a")
      const positions = yield* accept(store, handle, ...all)
      const endSome = (owner: Store, held: RuntimeStore.Handle, from: number, to: number) =>
        Effect.forEach(positions.slice(from, to), (position, i) => end(owner, held, position, from + i + 1))
      yield* endSome(store, handle, 0, 3)
      expect(yield* rows).toBe(40)
      const next = yield* database.store
      const opened = yield* open(next, "a")
      expect(names(opened)).toEqual(all.slice(3).map((name) => ({ name })))
      yield* endSome(next, opened.handle, 3, 35)
      expect(yield* rows).toBe(8)
      expect(names(yield* open(next, "a"))).toEqual(all.slice(35).map((name) => ({ name })))
      expect(yield* next.recoverable("Account")).toEqual(["a"])
      yield* endSome(next, (yield* open(next, "a")).handle, 35, 40)
      expect(yield* rows).toBe(0)
      expect(yield* next.recoverable("Account")).toEqual([])
    })
  )

  it.effect("D2 what one runtime accepts leaves the outbox of another in the same step, or not at all", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      const sender = yield* create(store, "sender")
      const target = yield* create(store, "target")
      const { outbox } = yield* Stores.write(store, sender, { send: ["message"] })
      const arrives = {
        accept: [{ activity: "message", attempts: 0, crashes: 0, failures: 0, due: undefined, ahead: false }],
        sent: outbox
      }
      const next = yield* database.store
      const taken = yield* open(next, "target")
      expect((yield* Effect.flip(Stores.write(store, target, arrives)))._tag).toBe("RuntimeFenced")
      expect((yield* open(next, "sender")).outbox).toHaveLength(1)
      yield* Stores.write(next, taken.handle, arrives)
      expect((yield* open(next, "sender")).outbox).toEqual([])
      expect((yield* open(next, "target")).pending).toHaveLength(1)
    })
  )

  it.effect("D2 knows what runs: an attempt begins with its start and ends with its update or removal", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const handle = yield* create(store, "a")
      const [one, two] = yield* accept(store, handle, "one", "two")
      const running = Effect.map(store.open(id("a")), (opened) => opened?.running)
      const waits = { crashes: 0, failures: 0, due: 5, ahead: false }
      yield* Stores.write(store, handle, { start: { position: one!, attempts: 1 } })
      expect(yield* running).toBe(one)
      yield* Stores.write(store, handle, { update: [{ position: one!, attempts: 1, ...waits }] })
      expect(yield* running).toBeUndefined()
      yield* Stores.write(store, handle, { start: { position: two!, attempts: 1 } })
      yield* Stores.write(store, handle, { remove: [two!], start: { position: one!, attempts: 2 } })
      expect(yield* running).toBe(one)
      yield* Stores.write(store, handle, { info: "something else" })
      expect(yield* running).toBe(one)
      yield* end(store, handle, one!, 1)
      expect(yield* running).toBeUndefined()
      const [three] = yield* accept(store, handle, "three")
      yield* Stores.write(store, handle, { start: { position: three!, attempts: 1 }, remove: [three!] })
      expect(yield* running).toBeUndefined()
    })
  )

  it.effect("D2 keeps the order of acceptance when a runtime goes from one process to another and back", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const one = yield* database.store
      const two = yield* database.store
      yield* create(two, "elsewhere")
      yield* accept(two, (yield* open(two, "elsewhere")).handle, "x")
      yield* accept(one, yield* create(one, "a"), "1")
      yield* accept(two, (yield* open(two, "a")).handle, "2")
      yield* accept(one, (yield* open(one, "a")).handle, "3")
      yield* accept(two, (yield* open(two, "a")).handle, "4")
      expect(names(yield* open(one, "a"))).toEqual(["1", "2", "3", "4"].map((name) => ({ name })))
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
            accept: Array.from({ length: i }, () => ({
              activity: 1,
              attempts: 0,
              crashes: 0,
              failures: 0,
              due: undefined,
              ahead: false
            }))
          }
        }))
      )
      expect(exits.map((exit) => (exit._tag === "Success" ? exit.value.accepted.length : exit))).toEqual([0, 1, 2, 3])
      expect(yield* store.write([])).toEqual([])
    })
  )

  it.effect("D4 opens a runtime without reading a row of what has ended", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      const handle = yield* create(store, "a")
      for (let sequence = 1; sequence <= 10; sequence++) yield* end(store, handle, 0, sequence, true)
      yield* accept(store, handle, "pending")
      // What is not there cannot be read.
      const sql = yield* database.sql
      yield* sql`DROP TABLE agent_log`
      yield* sql`DROP TABLE agent_states`
      expect(yield* store.recoverable("Account")).toEqual(["a"])
      expect(yield* open(store, "a")).toMatchObject({ sequence: 10, state: { n: 10 }, pending: [{ attempts: 0 }] })
    })
  )

  it.effect("B2 D2 knows the sequence of what ended without a new state", () =>
    Effect.gen(function* () {
      const { store } = yield* makeDatabase
      const first = yield* store
      const handle = yield* create(first, "a")
      const [one, two] = yield* accept(first, handle, "one", "two")
      yield* end(first, handle, one!, 1)
      yield* Stores.write(first, handle, { remove: [two!], append: [{ sequence: 2, at: 5, entry: { failed: 2 } }] })
      expect(yield* open(first, "a")).toMatchObject({ sequence: 2, state: { n: 1 } })
      expect(yield* first.stateAt(id("a"), 2)).toMatchObject({ sequence: 2, state: { n: 1 } })
    })
  )

  it.effect("B5 replays the log after a sequence, in order and in pages", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const handle = yield* create(store, "a")
      const other = yield* create(store, "b")
      for (let sequence = 1; sequence <= 10; sequence++) {
        yield* end(store, handle, 0, sequence)
        yield* end(store, other, 0, sequence)
      }
      const log = (after: number, limit: number) =>
        Effect.map(store.log(id("a"), { epoch: 1, after, limit }), (entries) => entries.map((one) => one.sequence))
      expect(yield* log(0, 100)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(yield* log(3, 4)).toEqual([4, 5, 6, 7])
      expect(yield* log(10, 4)).toEqual([])
      expect(yield* store.log(id("a"), { epoch: 2, after: 0, limit: 10 })).toEqual([])
    })
  )

  it.effect("D7 answers the newest kept state of at most a sequence, and always the last one", () =>
    Effect.gen(function* () {
      const store = yield* (yield* makeDatabase).store
      const handle = yield* create(store, "a")
      for (let sequence = 1; sequence <= 7; sequence++) yield* end(store, handle, 0, sequence, sequence % 2 === 0)
      const at = (sequence: number) => Effect.map(store.stateAt(id("a"), sequence), (kept) => kept?.state)
      expect(yield* at(1)).toBeUndefined()
      expect(yield* at(2)).toEqual({ n: 2 })
      expect(yield* at(5)).toEqual({ n: 4 })
      expect(yield* at(7)).toEqual({ n: 7 })
      expect(yield* at(Number.POSITIVE_INFINITY)).toEqual({ n: 7 })
      expect(yield* store.stateAt(id("nobody"), 1)).toBeUndefined()
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

  it.effect("D5 hands a damaged state over as it stands, and keeps it", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      const store = yield* database.store
      yield* create(store, "a")
      const sql = yield* database.sql
      yield* sql`UPDATE agent_runtimes SET state = '{"n":'`
      expect((yield* open(store, "a")).state).toBe('{"n":')
      expect(yield* sql`SELECT state FROM agent_runtimes`).toEqual([{ state: '{"n":' }])
    })
  )

  it.effect("D2 brings the tables of an older release up to date, with what is pending there", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* database.store
          yield* Stores.write(store, yield* create(store, "a"), {
            accept: [
              { activity: "fails", attempts: 3, crashes: 1, failures: 0, due: 5, ahead: false },
              { activity: "was interrupted", attempts: 1, crashes: 0, failures: 0, due: undefined, ahead: true },
              { activity: "waits", attempts: 0, crashes: 0, failures: 0, due: undefined, ahead: true }
            ]
          })
        })
      )
      const sql = yield* database.sql
      yield* sql`ALTER TABLE agent_pending DROP COLUMN failures`
      yield* sql`DELETE FROM agent_migrations WHERE migration_id = 2`
      const { pending } = yield* open(yield* database.store, "a")
      expect(pending.map(({ failures }) => failures)).toEqual([2, 0, 0])
    })
  )

  it.effect("refuses a database made by a newer release, and says so", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase
      yield* Effect.scoped(database.store)
      const sql = yield* database.sql
      yield* sql`INSERT INTO agent_migrations (migration_id, name) VALUES (99, 'of tomorrow')`
      const error = yield* Effect.flip(Effect.scoped(database.store))
      expect(error.message).toMatch(/version 99, made by a newer release/)
    })
  )
}

layer(PostgresServer.layer, { excludeTestServices: true, timeout: 300_000 })("SqlRuntimeStore", (it) => {
  describe("on SQLite", () => void suites(it, Stores.sqlite))
  describe("on PostgreSQL", () => void suites(it, Stores.postgres))
})
