import { RuntimeManager, Workflow } from "@agent-runtime/core"
import { ActivityType, Agent } from "@agent-runtime/schema"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric, Schema, Tracer } from "effect"

const Add = ActivityType.make("Add", { payload: { n: Schema.Int } })
const Fail = ActivityType.make("Fail")
const Sum = Agent.make("MeasuredSum", { state: Schema.Int, initialState: 0, activities: [Add, Fail] })
const SumLayer = Workflow.layer(Sum, {
  Add: ({ payload }, total) => Effect.succeed(total + payload.n),
  Fail: () => Effect.die("broken")
})

it.effect("P12 the metrics of an agent count its attempts by outcome and time them, whatever runtime made them", () =>
  Effect.gen(function* () {
    const manager = yield* RuntimeManager.RuntimeManager
    for (const id of ["one", "two"]) {
      const runtime = yield* manager.create(Sum, { id })
      yield* runtime.ask(Add.make({ n: 1 }))
      yield* Effect.flip(runtime.ask(Fail.make()))
    }
    const found = (yield* Metric.snapshot).filter((metric) => metric.attributes?.agent === "MeasuredSum")
    const summary = found.map(({ attributes, id, state }) => [
      id,
      attributes?.outcome ?? "",
      "count" in state ? Number(state.count) : state
    ])
    const ended = summary.filter(([, , count]) => count !== 0)
    assert.sameDeepMembers(ended, [
      ["agent_runtime_queue_wait_millis", "", 4],
      ["agent_runtime_processing_millis", "", 4],
      ["agent_runtime_attempts_total", "processed", 2],
      ["agent_runtime_attempts_total", "defect", 2]
    ])
  }).pipe(
    Effect.provide(SumLayer.pipe(Layer.provideMerge(RuntimeManager.layer))),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )
)

it.effect("P12 the span of an activity continues the trace of its sender", () =>
  Effect.gen(function* () {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    yield* Effect.gen(function* () {
      const manager = yield* RuntimeManager.RuntimeManager
      const runtime = yield* manager.create(Sum, { id: "traced" })
      yield* Effect.withSpan(runtime.ask(Add.make({ n: 1 }), { id: "asked" }), "sender")
      yield* Effect.withSpan(runtime.send(Add.make({ n: 1 }), { id: "sent" }), "sender")
      yield* runtime.awaitReceipt("sent")
    }).pipe(
      Effect.provide(SumLayer.pipe(Layer.provideMerge(RuntimeManager.layer))),
      Effect.provideService(Tracer.Tracer, tracer)
    )
    const senders = spans.filter(({ name }) => name === "sender")
    const processed = spans.filter(({ name }) => name === "MeasuredSum.Add")
    assert.deepStrictEqual(
      processed.map(({ attributes, parent, status, traceId }) => [
        attributes.get("agent.runtime.id"),
        attributes.get("agent.activity.id"),
        traceId,
        parent._tag === "Some" ? parent.value.spanId : "",
        status._tag
      ]),
      ["asked", "sent"].map((id, i) => ["traced", id, senders[i]?.traceId, senders[i]?.spanId, "Ended"])
    )
  })
)
