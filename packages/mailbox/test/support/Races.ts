/**
 * Random programs of up to eight fibers that race on one mailbox and are interrupted.
 *
 * Each operation is noted in the very step that answers it, so the notes are in the order in which the operations took
 * effect: they are legal if the model, which knows no fibers, gives the same answers in that order.
 */
import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { Cause, Effect, Fiber, Option, Scheduler } from "effect"
import * as fc from "fast-check"
import type { Mailbox } from "./Commands.ts"
import { Model, type ModelOptions } from "./Model.ts"

export type Operation =
  | { readonly _tag: "offer" | "offerUnsafe"; readonly lane: number }
  | { readonly _tag: "take" | "takeAll" | "takeThree" | "poll" | "peek" | "remove" | "clear" | "yield" }

interface Program {
  /** Whether its operations are yielded in a generator, or chained. */
  readonly generator: boolean
  readonly operations: ReadonlyArray<Operation>
}

export interface Race {
  readonly programs: ReadonlyArray<Program>
  /** How often the scheduler yields, which it may between any two steps. With less than 3 no fiber gets anywhere. */
  readonly maxOps: number
  readonly disturbances: ReadonlyArray<{ readonly _tag: "interrupt" | "pause" | "end"; readonly fiber: number }>
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ _tag: fc.constantFrom("offer", "offerUnsafe"), lane: fc.nat(3) }) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      { _tag: "take" },
      { _tag: "take" },
      { _tag: "takeAll" },
      { _tag: "takeThree" },
      { _tag: "poll" },
      { _tag: "peek" },
      { _tag: "remove" },
      { _tag: "clear" },
      { _tag: "yield" }
    )
  }
)

export const races: fc.Arbitrary<Race> = fc.record({
  programs: fc.array(
    fc.record({
      generator: fc.boolean(),
      operations: fc.array(operation, { minLength: 1, maxLength: 8, size: "max" })
    }),
    { minLength: 1, maxLength: 8, size: "max" }
  ),
  maxOps: fc.constantFrom(3, 4, 5, 6, 7, 9, 13, 2048),
  disturbances: fc.array(
    fc.record({ _tag: fc.constantFrom("interrupt", "interrupt", "pause", "pause", "end"), fiber: fc.nat(7) }),
    { maxLength: 10, size: "max" }
  )
})

type Note = (model: Model) => { readonly real: unknown; readonly model: unknown }

export const race = async (options: ModelOptions, race: Race): Promise<ReadonlyArray<ReturnType<Note>>> => {
  const mailbox: Mailbox = PrioritizedMailbox.makeUnsafe({
    lanes: options.lanes,
    capacity: options.capacity,
    strategy: options.strategy,
    scheduling: options.maxSkips === undefined ? "strict" : { maxSkips: options.maxSkips }
  })
  const notes: Array<Note> = []
  let element = 0
  let ended = false

  const noted = <A, E>(effect: Effect.Effect<A, E>, answer: (model: Model, real: A) => unknown) =>
    Effect.flatMap(effect, (real) => {
      notes.push((model) => ({ real, model: answer(model, real) }))
      return Effect.void
    })

  const run = (operation: Operation): Effect.Effect<void, unknown> => {
    switch (operation._tag) {
      case "offer":
      case "offerUnsafe": {
        const index = operation.lane % options.lanes.length
        const name = options.lanes[index]!
        return Effect.suspend(() => {
          const offered = ++element
          const closed = (real: boolean) => ended && !real
          if (operation._tag === "offer") {
            return noted(PrioritizedMailbox.offer(mailbox, offered, name), (model, real) =>
              closed(real) ? false : model.offer(index, offered)
            )
          }
          // Without waiting it is also refused while others wait.
          return noted(
            Effect.sync(() => PrioritizedMailbox.offerUnsafe(mailbox, offered, name)),
            (model, real) =>
              closed(real) || (!real && options.strategy === "suspend") ? false : model.offer(index, offered)
          )
        })
      }
      case "take":
        return noted(PrioritizedMailbox.take(mailbox), (model) => model.take())
      case "takeAll":
        return noted(PrioritizedMailbox.takeAll(mailbox), (model) => model.takeUpTo(Infinity))
      case "takeThree":
        return noted(PrioritizedMailbox.takeBetween(mailbox, 2, 3), (model) => model.takeUpTo(3))
      case "poll":
        return noted(PrioritizedMailbox.poll(mailbox), (model) => Option.fromUndefinedOr(model.take()))
      case "peek":
        return noted(PrioritizedMailbox.peek(mailbox), (model) => model.peek())
      case "remove":
        return noted(
          PrioritizedMailbox.remove(mailbox, (n) => n % 3 === 0),
          (model) => model.remove((n) => n % 3 === 0)
        )
      case "clear":
        return noted(PrioritizedMailbox.clear(mailbox), (model) => model.takeUpTo(Infinity))
      case "yield":
        return Effect.yieldNow
    }
  }

  const fibers = race.programs.map(({ generator, operations }) => {
    const program = generator
      ? Effect.gen(function* () {
          for (const operation of operations) yield* run(operation)
        })
      : operations.reduceRight<Effect.Effect<void, unknown>>(
          (rest, operation) => Effect.flatMap(run(operation), () => rest),
          Effect.void
        )
    return Effect.runFork(Effect.provideService(program, Scheduler.MaxOpsBeforeYield, race.maxOps))
  })
  for (const { _tag, fiber } of race.disturbances) {
    if (_tag === "interrupt") fibers[fiber % fibers.length]!.interruptUnsafe()
    if (_tag === "pause") await new Promise((resolve) => setImmediate(resolve))
    if (_tag === "end") {
      ended = true
      PrioritizedMailbox.failCauseUnsafe(mailbox, Cause.fail("end"))
    }
  }
  await Effect.runPromise(Fiber.interruptAll(fibers))

  const model = new Model(options)
  const outcomes = notes.map((note) => note(model))
  const left: Array<number> = []
  for (let next = PrioritizedMailbox.pollUnsafe(mailbox); next !== undefined;) {
    left.push(next)
    next = PrioritizedMailbox.pollUnsafe(mailbox)
  }
  return [...outcomes, { real: left, model: model.takeUpTo(Infinity) }]
}
