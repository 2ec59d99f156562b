// A program that is killed: it hosts runtimes on the store it is given and does what its parent tells it over IPC.
// CRASH_POINT names where it kills itself, CRASH_COUNT how often it may pass there first.
import { RuntimeConfig, RuntimeManager, RuntimeStore, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { NodeSqlite, SqlRuntimeStore } from "@agent-runtime/store-sql"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type CrashPoint, type Order, type Report, runtimes, type Said } from "./protocol.ts"

const url = process.argv[2]!
const point = process.env["CRASH_POINT"] as CrashPoint | undefined
let passes = Number(process.env["CRASH_COUNT"] ?? 0)
/** Nothing is killed until the parent has seen that all is well. */
let armed = point === "migration"

const at = (here: CrashPoint) =>
  Effect.sync(() => {
    if (armed && here === point && passes-- <= 0) process.kill(process.pid, "SIGKILL")
  })

const receiptRetention = 1000

const say = (said: Said) => void process.send!(said)

class NotYet extends Schema.TaggedError<NotYet>()("NotYet", {}) {}
class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
const payload = { name: Schema.String }
const Note = ActivityType.make("Note", { payload })
const Urgent = ActivityType.make("Urgent", { payload, priority: "urgent" })
const Retried = ActivityType.make("Retried", { payload, error: NotYet, retry: Schedule.spaced("5 millis") })
const Fail = ActivityType.make("Fail", { payload, error: Refused })
const Poison = ActivityType.make("Poison", { payload })

const Ledger = Agent.make("Ledger", {
  state: Schema.Struct({ applied: Schema.Array(Schema.String) }),
  initialState: { applied: [] },
  activities: [Note, Urgent, Retried, Fail, Poison]
})
type State = Agent.State<typeof Ledger>

const apply = (state: State, name: string) =>
  Effect.as(Effect.andThen(at("workflow"), Effect.yieldNow), { applied: [...state.applied, name] })

const workflow = Workflow.layer(Ledger, {
  Note: (activity, state) => apply(state, activity.payload.name),
  Urgent: (activity, state) => apply(state, activity.payload.name),
  Retried: (activity, state) =>
    activity.attempts < 2 ? Effect.fail(new NotYet()) : apply(state, activity.payload.name),
  Fail: () => Effect.andThen(at("workflow"), Effect.fail(new Refused())),
  Poison: () => Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))
})

/** A client that is killed around its commits. */
const client = Layer.effect(
  SqlClient.SqlClient,
  Effect.gen(function* () {
    const layer = url.startsWith("postgres:")
      ? PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })
      : NodeSqlite.layer({ filename: url, exclusive: true })
    const sql = Context.get(yield* Layer.build(layer), SqlClient.SqlClient)
    const withTransaction: SqlClient.SqlClient["withTransaction"] = (effect) =>
      Effect.tap(
        sql.withTransaction(
          Effect.tap(
            effect,
            Effect.all([
              at("migration"),
              at("before commit"),
              Effect.forkDetach(Effect.andThen(Effect.yieldNow, at("commit")))
            ])
          )
        ),
        at("after commit")
      )
    // On SQLite a thread writes the parts of a transaction: the process also dies while that is at work.
    const reserve = Effect.map(sql.reserve, (connection) => {
      const { commit, write } = connection as typeof connection & {
        commit?: (writes: unknown) => Effect.Effect<unknown>
        write?: (writes: unknown) => void
      }
      if (commit === undefined || write === undefined) return connection
      return {
        ...connection,
        write: (writes: unknown) => {
          write(writes)
          Effect.runSync(at("part"))
        },
        commit: (writes: unknown) =>
          at("before commit").pipe(
            Effect.andThen(Effect.forkChild(Effect.andThen(Effect.yieldNow, at("commit")))),
            Effect.andThen(commit(writes)),
            Effect.tap(at("after commit"))
          )
      }
    })
    return new Proxy(sql, {
      get: (target, key) =>
        key === "withTransaction" ? withTransaction : key === "reserve" ? reserve : Reflect.get(target, key)
    })
  })
)

/** A store that is killed between taking an activity and the record of its start, and in the middle of compacting. */
const store = Layer.effect(
  RuntimeStore.RuntimeStore,
  Effect.gen(function* () {
    const inner = yield* SqlRuntimeStore.make
    return RuntimeStore.RuntimeStore.of({
      ...inner,
      write: (writes) =>
        writes.some(({ change }) => change.start !== undefined)
          ? Effect.andThen(at("take"), Effect.tap(inner.write(writes), at("start")))
          : inner.write(writes),
      compact: (handle, keep) =>
        Effect.andThen(Effect.forkChild(Effect.delay(at("compaction"), 1)), inner.compact(handle, keep))
    })
  })
).pipe(Layer.provideMerge(client))

const program = Effect.gen(function* () {
  const manager = yield* RuntimeManager.RuntimeManager
  const runtimeStore = yield* RuntimeStore.RuntimeStore
  const sql = yield* SqlClient.SqlClient
  // Before the load, so that no two sends race for making a runtime.
  for (const id of runtimes) yield* manager.getOrCreate(Ledger, { id })

  const send = Effect.fnUntraced(function* ({ delay, id, runtime, type }: Extract<Order, { op: "send" }>) {
    const handle = yield* manager.getOrCreate(Ledger, { id: runtime })
    const isNote = type === "Expired" || type === "Cancelled"
    yield* handle.send({ type: isNote ? "Note" : type, payload: { name: id } } as never, {
      id,
      ...(delay === undefined ? {} : { deliverAt: Date.now() + delay }),
      ...(type === "Expired" ? { expiresAt: 1 } : {}),
      ...(type === "Cancelled" ? { deliverAt: 8_000_000_000_000 } : {})
    })
    if (type === "Cancelled") yield* handle.cancel(id)
  })

  // What the store says counts; what the runtime says of itself must come to the same.
  const report = Effect.gen(function* () {
    while (Number((yield* sql<{ n: number }>`SELECT count(*) AS n FROM agent_pending`)[0]!.n) > 0) {
      yield* Effect.sleep(5)
    }
    const lines: Array<Report> = []
    for (const { epoch, id, sequence, state } of yield* runtimeStore.list({
      agent: undefined,
      after: undefined,
      limit: 1000
    })) {
      const handle = yield* manager.get(Ledger, id)
      while ((yield* handle.info).sequence < sequence) yield* Effect.sleep(5)
      const log = yield* runtimeStore.log(id, { epoch, after: 0, limit: 1_000_000 })
      const ends = yield* Effect.forEach(log.slice(-receiptRetention), ({ entry }) => {
        const { id } = entry as { readonly id: string }
        return Effect.match(handle.receipt(id), {
          onSuccess: ({ sequence, status }) => [id, sequence, status] as const,
          onFailure: ({ _tag }) => [id, undefined, _tag] as const
        })
      })
      lines.push({
        runtime: id,
        epoch,
        applied: (state as State).applied,
        shown: (yield* handle.info).state.applied,
        sequence,
        log: log.map((entry) => entry.sequence),
        ends,
        dead: (yield* handle.deadLetters).map((letter) => [letter.activityId, letter.attempts])
      })
    }
    return lines
  })

  const obey = (order: Exclude<Order, { op: "arm" }>) =>
    order.op === "send"
      ? Effect.matchCause(send(order), {
          onSuccess: () => say({ op: "acknowledged", id: order.id }),
          onFailure: (cause) => say({ op: "refused", id: order.id, why: String(cause) })
        })
      : Effect.matchCause(report, {
          onSuccess: (lines) => say({ op: "report", lines }),
          onFailure: (cause) => say({ op: "broken", why: String(cause) })
        })

  const run = Effect.runForkWith(yield* Effect.context<never>())
  process.on("message", (order: Order) => {
    if (order.op === "arm") armed = true
    else run(obey(order))
  })
  process.on("disconnect", () => process.exit())
  say({ op: "ready" })
  return yield* Effect.never
})

const application = workflow.pipe(
  Layer.provideMerge(RuntimeManager.layerDurable),
  Layer.provideMerge(store),
  Layer.provide(RuntimeConfig.layer({ logRetention: 50, receiptRetention }))
)
Effect.runPromise(Effect.provide(program, application)).catch((cause) => {
  say({ op: "broken", why: String(cause) })
  process.exit(1)
})
