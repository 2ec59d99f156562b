/** Random use of a mailbox by up to eight fibers, and what runs it on the real one and on the model. */
import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { Cause, Effect, Exit, Fiber, Option } from "effect"
import * as fc from "fast-check"
import type { ModelOptions } from "./Model.ts"
import { type Answer, ModelFibers } from "./ModelFibers.ts"

export type Mailbox = PrioritizedMailbox.PrioritizedMailbox<
  number,
  string | Cause.Done,
  string,
  PrioritizedMailbox.MailboxFull
>

export const options: fc.Arbitrary<ModelOptions> = fc.record({
  lanes: fc.integer({ min: 1, max: 4 }).map((n) => ["a", "b", "c", "d"].slice(0, n)),
  capacity: fc.constantFrom(1, 2, 3, Infinity),
  strategy: fc.constantFrom("suspend", "suspend", "dropping", "sliding", "fail"),
  maxSkips: fc.constantFrom(undefined, 1, 2, 3, 8)
})

export type Step = readonly [command: Command, settles: boolean]

export type Command =
  | { readonly _tag: "offer" | "offerUnsafe" | "offerEvicting"; readonly lane: number }
  | { readonly _tag: "offerAll"; readonly lane: number; readonly count: number }
  | { readonly _tag: "take" | "takeAll" | "poll" | "peek" | "clear" | "takeUnsafe" | "pollUnsafe" | "peekUnsafe" }
  | { readonly _tag: "takeBetween"; readonly min: number; readonly max: number }
  | { readonly _tag: "remove"; readonly modulus: number }
  | { readonly _tag: "interrupt"; readonly fiber: number }
  | { readonly _tag: "end" | "fail" | "shutdown" }

const lane = fc.nat(3)

const common: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("offer"), lane }) },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constantFrom("offerUnsafe", "offerEvicting"), lane }) },
  {
    weight: 3,
    arbitrary: fc.record({ _tag: fc.constant("offerAll"), lane, count: fc.nat(5) })
  },
  { weight: 6, arbitrary: fc.constant({ _tag: "take" }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      { _tag: "takeAll" },
      { _tag: "poll" },
      { _tag: "peek" },
      { _tag: "clear" },
      { _tag: "takeUnsafe" },
      { _tag: "pollUnsafe" },
      { _tag: "peekUnsafe" }
    )
  },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("takeBetween"), min: fc.nat(4), max: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("remove"), modulus: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("interrupt"), fiber: fc.nat(7) }) }
)

const settles = fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) })

const completion: fc.Arbitrary<Command> = fc.constantFrom({ _tag: "end" }, { _tag: "fail" }, { _tag: "shutdown" })

/** Commands, some of which come before what the one before has set off is done. Most sequences use the mailbox for long before they end it, if they do. */
export const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc
  .tuple(
    fc.array(fc.tuple(common, settles), { maxLength: 24, size: "max" }),
    fc.array(fc.tuple(completion, settles), { maxLength: 2 }),
    fc.array(fc.tuple(fc.oneof({ weight: 8, arbitrary: common }, { weight: 1, arbitrary: completion }), settles), {
      maxLength: 8,
      size: "max"
    })
  )
  .map((parts) => parts.flat())

/** What an effect answered, as the model says it. */
export const toAnswer = (exit: Exit.Exit<unknown, unknown>): Answer => {
  if (Exit.isSuccess(exit)) return { _tag: "Answered", value: exit.value }
  const error = exit.cause.reasons.find(Cause.isFailReason)?.error
  if (error === undefined) return { _tag: "Interrupted" }
  if (error instanceof PrioritizedMailbox.MailboxFull) return { _tag: "Failed", error: "MailboxFull" }
  return { _tag: "Failed", error: typeof error === "string" ? error : "Done" }
}

/** Both sides, in step. At most eight fibers wait at a time. */
export class Comparison {
  readonly mailbox: Mailbox
  readonly model: ModelFibers
  readonly options: ModelOptions
  private readonly fibers = new Map<number, Fiber.Fiber<unknown, unknown>>()
  private started = 0
  private element = 0
  private settled = true
  private alone = true

  constructor(options: ModelOptions) {
    const { capacity, lanes, maxSkips, strategy } = options
    this.options = options
    this.model = new ModelFibers(options)
    this.mailbox = PrioritizedMailbox.makeUnsafe({
      lanes,
      capacity,
      strategy,
      scheduling: maxSkips === undefined ? "strict" : { maxSkips }
    })
  }

  /** What the fibers answered that had not when last asked. */
  answers(): { readonly real: Record<number, Answer | undefined>; readonly model: Record<number, Answer | undefined> } {
    const real: Record<number, Answer | undefined> = {}
    const model: Record<number, Answer | undefined> = {}
    for (const [id, fiber] of this.fibers) {
      const exit = fiber.pollUnsafe()
      real[id] = exit === undefined ? undefined : toAnswer(exit)
      model[id] = this.model.answers.get(id)
      if (exit !== undefined) this.fibers.delete(id)
    }
    return { real, model }
  }

  /** Runs a command on both sides; answers what was answered at once, for each. */
  run([command, settles]: Step): readonly [real: unknown, model: unknown] {
    this.alone = settles && this.settled
    this.settled = settles
    const { mailbox, model } = this
    switch (command._tag) {
      case "offer":
      case "offerAll": {
        const single = command._tag === "offer"
        const [index, name] = this.lane(command.lane)
        const elements = this.elements(command._tag === "offerAll" ? command.count : 1)
        const id = this.fork(
          single
            ? PrioritizedMailbox.offer(mailbox, elements[0]!, name)
            : PrioritizedMailbox.offerAll(mailbox, elements, name)
        )
        if (id !== undefined) model.offer(id, index, elements, single)
        return same
      }
      case "offerUnsafe": {
        const [index, name] = this.lane(command.lane)
        const element = ++this.element
        return [PrioritizedMailbox.offerUnsafe(mailbox, element, name), this.offerUnsafe(index, element)]
      }
      case "offerEvicting": {
        const [index, name] = this.lane(command.lane)
        const element = ++this.element
        const oldest = this.model.model.hasRoom(index) ? undefined : this.model.model.lanes[index]!.elements[0]
        const lost = this.offerUnsafe(index, element) ? oldest : element
        const id = this.fork(
          Effect.map(PrioritizedMailbox.offerEvicting(mailbox, element, name), Option.getOrUndefined),
          9
        )
        this.model.answer(id!, lost)
        return same
      }
      case "take":
        return this.take(PrioritizedMailbox.take(mailbox), 1, () => model.model.take())
      case "takeAll":
        return this.take(PrioritizedMailbox.takeAll(mailbox), 1, () => model.model.takeUpTo(Infinity))
      case "peek":
        return this.take(PrioritizedMailbox.peek(mailbox), 1, () => model.model.peek())
      case "takeBetween": {
        const { max, min } = command
        if (min > 0 && max > 0) {
          return this.take(PrioritizedMailbox.takeBetween(mailbox, min, max), min, () => model.model.takeUpTo(max))
        }
        const id = this.fork(PrioritizedMailbox.takeBetween(mailbox, min, max))
        if (id !== undefined) model.answers.set(id, model.done ? model.end! : { _tag: "Answered", value: [] })
        return same
      }
      case "poll": {
        const id = this.fork(Effect.map(PrioritizedMailbox.poll(mailbox), Option.getOrUndefined))
        if (id === undefined) return same
        model.pass()
        model.answer(id, model.model.take())
        return same
      }
      case "clear": {
        const id = this.fork(PrioritizedMailbox.clear(mailbox))
        if (id === undefined) return same
        const failed = model.done && !(model.end?._tag === "Failed" && model.end.error === "Done")
        if (failed) {
          model.answers.set(id, model.end!)
        } else {
          model.pass()
          model.answer(id, model.model.takeUpTo(Infinity))
        }
        return same
      }
      case "takeUnsafe": {
        const exit = PrioritizedMailbox.takeUnsafe(mailbox)
        const element = model.model.take()
        const expected: Answer | undefined =
          element === undefined ? (model.done ? model.end : undefined) : { _tag: "Answered", value: element }
        return [exit === undefined ? undefined : toAnswer(exit), expected]
      }
      case "pollUnsafe":
        return [PrioritizedMailbox.pollUnsafe(mailbox), model.model.take()]
      case "peekUnsafe":
        return [PrioritizedMailbox.peekUnsafe(mailbox), model.model.peek()]
      case "remove": {
        const picked = (element: number): boolean => element % command.modulus === 0
        return [PrioritizedMailbox.removeUnsafe(mailbox, picked), model.model.remove(picked)]
      }
      case "interrupt": {
        const waiting = [...this.fibers].filter(([, fiber]) => fiber.pollUnsafe() === undefined)
        const entry = waiting[command.fiber % Math.max(1, waiting.length)]
        if (entry === undefined) return same
        entry[1].interruptUnsafe()
        model.interrupt(entry[0])
        return same
      }
      case "end":
        return [PrioritizedMailbox.endUnsafe(mailbox), model.complete({ _tag: "Failed", error: "Done" })]
      case "fail":
        return [
          PrioritizedMailbox.failCauseUnsafe(mailbox, Cause.fail("boom")),
          model.complete({ _tag: "Failed", error: "boom" })
        ]
      case "shutdown":
        return [PrioritizedMailbox.shutdownUnsafe(mailbox), model.shutdown()]
    }
  }

  private take(effect: Effect.Effect<unknown, unknown>, min: number, answer: () => unknown) {
    const id = this.fork(effect)
    if (id !== undefined) this.model.take(id, min, answer)
    return same
  }

  private offerUnsafe(index: number, element: number): boolean {
    const { end, model } = this.model
    return end === undefined && !this.model.waits(index) && model.offer(index, element)
  }

  /** Every other fiber runs a generator, where `yield*` takes a way of its own. Not in a burst: it yields to others once in a while. */
  private fork(effect: Effect.Effect<unknown, unknown>, most = 8): number | undefined {
    const waiting = [...this.fibers.values()].filter((fiber) => fiber.pollUnsafe() === undefined)
    if (waiting.length >= most) return undefined
    const id = ++this.started
    const inGenerator = Effect.gen(function* () {
      return yield* effect
    })
    this.fibers.set(id, Effect.runFork(this.alone && id % 2 === 0 ? inGenerator : effect))
    return id
  }

  private lane(index: number): readonly [number, string] {
    const lane = index % this.options.lanes.length
    return [lane, this.options.lanes[lane]!]
  }

  private elements(count: number): Array<number> {
    return Array.from({ length: count }, () => ++this.element)
  }
}

const same = [undefined, undefined] as const
