/** Fibers that use the model: who waits for what, and what each was answered. */
import { Model, type ModelOptions } from "./Model.ts"

export type Answer =
  | { readonly _tag: "Answered"; readonly value: unknown }
  | { readonly _tag: "Failed"; readonly error: string }
  | { readonly _tag: "Interrupted" }

const answered = (value: unknown): Answer => ({ _tag: "Answered", value })

interface Offerer {
  readonly fiber: number
  readonly lane: number
  readonly rest: Array<number>
  readonly result: (rest: Array<number>) => unknown
}

interface Taker {
  readonly fiber: number
  readonly min: number
  readonly answer: () => unknown
}

export class ModelFibers {
  readonly model: Model
  readonly answers = new Map<number, Answer>()
  readonly offerers: Array<Offerer> = []
  readonly takers: Array<Taker> = []
  end: Answer | undefined = undefined

  constructor(options: ModelOptions) {
    this.model = new Model(options)
  }

  get done(): boolean {
    return this.end !== undefined && this.model.size === 0 && this.offerers.length === 0
  }

  offer(fiber: number, lane: number, elements: ReadonlyArray<number>, single: boolean): void {
    const result = (rest: Array<number>): unknown => (single ? rest.length === 0 : rest)
    const { model } = this
    const { strategy } = model.options
    const rest = [...elements]
    const room = model.options.capacity - model.lanes[lane]!.elements.length
    if (this.end !== undefined) {
      this.answers.set(fiber, answered(result(rest)))
    } else if (strategy === "dropping" || strategy === "sliding") {
      this.answers.set(fiber, answered(result(rest.filter((element) => !model.offer(lane, element)))))
    } else if (strategy === "fail" && rest.length > room) {
      this.answers.set(fiber, { _tag: "Failed", error: "MailboxFull" })
    } else {
      // None goes before those who wait already.
      if (!this.waits(lane)) this.fill(lane, rest)
      if (rest.length === 0) this.answers.set(fiber, answered(result(rest)))
      else this.offerers.push({ fiber, lane, rest, result })
    }
  }

  waits(lane: number): boolean {
    return this.offerers.some((offerer) => offerer.lane === lane)
  }

  take(fiber: number, min: number, answer: () => unknown): void {
    if (!this.enough(min)) this.pass()
    if (this.enough(min)) this.answers.set(fiber, answered(answer()))
    else if (this.done) this.answers.set(fiber, this.end!)
    else this.takers.push({ fiber, min, answer })
  }

  answer(fiber: number, value: unknown): void {
    this.answers.set(fiber, answered(value))
  }

  interrupt(fiber: number): void {
    for (const waiting of [this.offerers, this.takers]) {
      const index = waiting.findIndex((entry) => entry.fiber === fiber)
      if (index < 0) continue
      waiting.splice(index, 1)
      this.answers.set(fiber, { _tag: "Interrupted" })
    }
  }

  complete(end: Answer): boolean {
    if (this.end !== undefined) return false
    this.end = end
    this.pass()
    return true
  }

  shutdown(): boolean {
    if (this.done) return false
    this.end ??= { _tag: "Interrupted" }
    this.model.discard()
    for (const { fiber, rest, result } of this.offerers.splice(0)) this.answers.set(fiber, answered(result(rest)))
    this.pass()
    return true
  }

  /** Lets everyone go on who can. */
  settle(): void {
    for (let before = -1; before !== this.progress;) {
      before = this.progress
      this.pass()
    }
  }

  /** First those who offer, each in turn, then those who take. */
  pass(): void {
    for (const offerer of this.offerers.slice()) {
      this.fill(offerer.lane, offerer.rest)
      if (offerer.rest.length > 0) continue
      this.offerers.splice(this.offerers.indexOf(offerer), 1)
      this.answers.set(offerer.fiber, answered(offerer.result([])))
    }
    for (const taker of this.takers.slice()) {
      const enough = this.enough(taker.min)
      if (!enough && !this.done) continue
      this.takers.splice(this.takers.indexOf(taker), 1)
      this.answers.set(taker.fiber, enough ? answered(taker.answer()) : this.end!)
    }
  }

  private get progress(): number {
    return (
      this.answers.size * 1_000_000 + this.model.lanes.reduce((sum, { offered, taken }) => sum + offered + taken, 0)
    )
  }

  private fill(lane: number, rest: Array<number>): void {
    while (rest.length > 0 && this.model.hasRoom(lane)) this.model.offer(lane, rest.shift()!)
  }

  /** A full lane, and an ending mailbox, may never hold as many: then what there is will do. */
  private enough(min: number): boolean {
    const { anyFull, size } = this.model
    return size >= min || (size > 0 && (this.end !== undefined || anyFull))
  }
}
