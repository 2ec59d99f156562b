import type { RuntimeStore } from "@agent-runtime/core"
import { expect } from "@effect/vitest"
import { Effect } from "effect"
import { accept, create, end, id, logged, names, open, type Store } from "./support/Accounts.ts"
import { onEachDatabase } from "./support/EachDatabase.ts"
import * as Stores from "./support/Stores.ts"

onEachDatabase("SqlRuntimeStore, what it gives back", (it, makeDatabase) => {
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
        accept: [Stores.accepted("message")],
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
})
