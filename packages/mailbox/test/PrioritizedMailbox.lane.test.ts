import { PrioritizedMailbox } from "@agent-runtime/mailbox"
import { assert, it } from "@effect/vitest"
import * as fc from "fast-check"

it("M1 a lane keeps its order while it grows and shrinks", () => {
  const phase = fc.record({ offers: fc.nat(3000), takes: fc.nat(3000), remove: fc.boolean() })
  const outcome = fc.check(
    fc.property(fc.array(phase, { maxLength: 8 }), (phases) => {
      const mailbox = PrioritizedMailbox.makeUnsafe<number>()
      const expected: Array<number> = []
      let next = 0
      for (const { offers, remove, takes } of phases) {
        for (let i = 0; i < offers; i++) {
          expected.push(next)
          PrioritizedMailbox.offerUnsafe(mailbox, next++, "standard")
        }
        if (remove) {
          const odd = expected.filter((n) => n % 2 === 1)
          expected.splice(0, Infinity, ...expected.filter((n) => n % 2 === 0))
          assert.deepStrictEqual(
            PrioritizedMailbox.removeUnsafe(mailbox, (n) => n % 2 === 1),
            odd
          )
        }
        for (let i = 0; i < takes; i++) assert.strictEqual(PrioritizedMailbox.pollUnsafe(mailbox), expected.shift())
        assert.strictEqual(PrioritizedMailbox.sizeUnsafe(mailbox), expected.length)
      }
    }),
    { numRuns: 60 }
  )
  assert.isFalse(outcome.failed, fc.defaultReportMessage(outcome))
})
