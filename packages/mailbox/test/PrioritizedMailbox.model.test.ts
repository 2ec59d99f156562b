import { isDeepStrictEqual } from "node:util"
import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Comparison, options, type Step, steps } from "./support/Commands.ts"
import { race, races } from "./support/Races.ts"
import type { ModelOptions } from "./support/Model.ts"

const numRuns = Number(process.env["MAILBOX_RUNS"] ?? 10_000)

// Wakes are microtasks, but for one in a while, which goes through the scheduler.
const settled = async (): Promise<void> => {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve))
}

const agree = (real: unknown, model: unknown, after: string): void => {
  // Faster than an assertion, which is only there to show the difference.
  if (isDeepStrictEqual(real, model)) return
  assert.deepStrictEqual(real, model, after)
}

const compare = async (options: ModelOptions, steps: ReadonlyArray<Step>): Promise<void> => {
  const comparison = new Comparison(options)
  for (const step of steps) {
    const [command, settles] = step
    const [real, model] = comparison.run(step)
    agree(real, model, command._tag)
    if (settles) {
      comparison.model.settle()
      await settled()
    }
    const answers = comparison.answers()
    agree(answers.real, answers.model, command._tag)
    agree(PrioritizedMailbox.countersUnsafe(comparison.mailbox), comparison.model.model.counters(), command._tag)
  }
}

describe("PrioritizedMailbox and its model", () => {
  it(`M1–M8 agree after each step of ${numRuns} random sequences with up to eight fibers`, async () => {
    const outcome = await fc.check(fc.asyncProperty(options, steps, compare), { numRuns })
    assert.isFalse(outcome.failed, fc.defaultReportMessage(outcome))
  }, 300_000)

  it(`M4 each of ${numRuns} random races is linearizable, and delivers what was accepted exactly once`, async () => {
    const property = fc.asyncProperty(options, races, async (options, programs) => {
      for (const { model, real } of await race(options, programs)) agree(real, model, "race")
    })
    const outcome = await fc.check(property, { numRuns })
    assert.isFalse(outcome.failed, fc.defaultReportMessage(outcome))
  }, 300_000)
})
