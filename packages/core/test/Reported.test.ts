// What the log tells who runs the process, beside what those who asked are told.
import { RuntimeConfig, RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, Schema } from "effect"

const Work = ActivityType.make("Work", { error: Schema.Literal("refused") })
const Worker = Agent.make("Worker", { state: Schema.Int, initialState: 0, activities: [Work] })

/** Runs an activity of a handler so many times; answers what is logged. */
const logged = Effect.fnUntraced(function* (handler: () => Effect.Effect<never, "refused">, times = 1) {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    lines.push(`${logLevel} ${String(message)} ${Cause.pretty(cause)}`)
  })
  yield* Effect.gen(function* () {
    const worker = yield* (yield* RuntimeManager.RuntimeManager).create(Worker, { id: "worker" })
    for (let i = 0; i < times; i++) yield* Effect.exit(worker.ask(Work.make(), { id: `work-${i}` }))
    yield* Effect.yieldNow
  }).pipe(
    Effect.provide(
      Workflow.layer(Worker, { Work: handler }).pipe(
        Layer.provideMerge(RuntimeManager.layer),
        Layer.provide(RuntimeConfig.layer({ deadLetterCapacity: 1 })),
        Layer.provide(Logger.layer([logger]))
      )
    )
  )
  return lines
})

it.effect("R5 a workflow that dies is in the log with its stack", () =>
  Effect.gen(function* () {
    const lines = yield* logged(() => Effect.die(new Error("a bug")))
    assert.lengthOf(lines, 1)
    assert.match(lines[0]!, /^Error "Work" work-0 of agent runtime "worker" died .*a bug[^]*Reported\.test\.ts/)
  })
)

it.effect("P5 so is one that fails with what its type does not declare", () =>
  Effect.gen(function* () {
    // The types forbid it; who gets around them, or writes none, is told.
    const lines = yield* logged(() => Effect.fail({ host: "db1" }) as never)
    assert.lengthOf(lines, 1)
    assert.match(lines[0]!, /what its type does not declare [^]*db1/)
  })
)

it.effect("R5 what it declares is nobody's fault", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* logged(() => Effect.fail("refused")), [])
  })
)

it.effect("P5 a dead letter that makes room for another is in the log: nobody will see it any more", () =>
  Effect.gen(function* () {
    const lines = yield* logged(() => Effect.die("died"), 3)
    const forgotten = lines.filter((line) => line.includes("forgot"))
    assert.lengthOf(forgotten, 2)
    assert.match(forgotten[0]!, /^Warn "worker" keeps 1 dead letters, and forgot "Work" work-0: WorkflowDefect: died/)
  })
)

it.effect("P4 a state or a reply that does not fit is told with where, and why", () =>
  Effect.gen(function* () {
    const Ask = ActivityType.make("Ask", { success: Schema.Struct({ answer: Schema.Int }) })
    const Break = ActivityType.make("Break")
    const Keeper = Agent.make("Keeper", {
      state: Schema.Struct({ n: Schema.Int }),
      initialState: { n: 0 },
      activities: [Ask, Break]
    })
    const layer = Workflow.layer(Keeper, {
      Ask: (_, state) => Workflow.reply(state, { answer: "42" as unknown as number }),
      Break: () => Effect.succeed({ n: "1" as unknown as number })
    })
    yield* Effect.gen(function* () {
      const keeper = yield* (yield* RuntimeManager.RuntimeManager).create(Keeper)
      const of = (type: "Ask" | "Break") =>
        Effect.map(
          Effect.andThen(keeper.send({ Ask, Break }[type].make(), { id: type }), keeper.awaitReceipt(type)),
          ({ error }) => error?.message
        )
      assert.match((yield* of("Break"))!, /returned a state that does not fit its schema at n: .*number/)
      assert.match((yield* of("Ask"))!, /returned a reply that does not fit its schema at answer: .*number/)
    }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(RuntimeManager.layer))))
  })
)
