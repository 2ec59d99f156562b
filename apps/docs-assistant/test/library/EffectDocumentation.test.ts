import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { DocumentLibrary, layer as layerLibrary } from "../../src/library/DocumentLibrary.ts"
import * as ExtractiveAnswer from "../../src/answering/ExtractiveAnswer.ts"

const effect = new URL("../../node_modules/effect", import.meta.url).pathname

/**
 * What a newcomer asks, and the file of Effect's documentation that answers it.
 */
const questions: ReadonlyArray<readonly [question: string, file: string]> = [
  ["How do I bound a queue?", "src/Queue.ts"],
  ["How do I retry a failing request with exponential backoff?", "src/Schedule.ts"],
  ["How do I make a temporary directory that is deleted afterwards?", "src/FileSystem.ts"],
  ["How do I read an environment variable as a number?", "src/Config.ts"],
  ["Broadcast a message to many subscribers", "src/PubSub.ts"],
  ["How can I test code that depends on time without waiting?", "src/testing/TestClock.ts"],
  ["How do I run a query against a SQL database?", "AGENTS.md"],
  ["How do I interrupt a running fiber?", "src/Fiber.ts"],
  ["How do I define my own error type?", "AGENTS.md"],
  ["How do I add 3 days to a date?", "src/DateTime.ts"]
]

const ask = Effect.fnUntraced(function* (question: string, limit = 8) {
  const library = yield* DocumentLibrary
  return yield* Stream.runCollect(library.search(question, { limit }))
})

layer(layerLibrary.pipe(Layer.provideMerge(NodeServices.layer)))("Effect's own documentation", (it) => {
  it.effect("is indexed while others have their turn", () =>
    Effect.gen(function* () {
      const library = yield* DocumentLibrary
      let turns = 0
      yield* Effect.acquireRelease(
        Effect.sync(() => setInterval(() => turns++, 1)),
        (timer) => Effect.sync(() => clearInterval(timer))
      )
      const events = yield* Stream.runCollect(library.index({ folder: effect, typescript: true }))
      const last = events[events.length - 1]
      assert(last?._tag === "Finished")
      assert.isAbove(last.files, 300)
      assert.isAbove(last.passages, 5000)
      assert.strictEqual(last.skipped, 0)
      assert.isAbove(events.filter((_) => _._tag === "Progress").length, 10)
      assert.isAbove(turns, 50)
    })
  )

  it.effect("has the right file among the first three passages for at least 8 of 10 questions", () =>
    Effect.gen(function* () {
      const missed: Array<string> = []
      for (const [question, file] of questions) {
        const found = yield* ask(question, 3)
        if (!found.some((_) => _.file === `${effect}/${file}`)) missed.push(question)
      }
      assert.isAtMost(missed.length, 2, `not found: ${missed.join(" ")}`)
      assert.notInclude(missed, "How do I bound a queue?")
    })
  )

  it.effect("answers in its own words, with an example and the place", () =>
    Effect.gen(function* () {
      const question = "How do I bound a queue?"
      const answer = ExtractiveAnswer.compose(question, yield* ask(question))
      assert.include(answer, "Creates a bounded queue with the specified capacity")
      assert.include(answer, "Queue.bounded<string>(5)")
      assert.match(answer, /Queue › bounded, .*src\/Queue\.ts:\d+-\d+/)
    })
  )

  it.effect("is found by a misspelled word", () =>
    Effect.gen(function* () {
      const [first] = yield* ask("smeaphore")
      assert.include(first?.file, "Semaphore.ts")
    })
  )

  it.effect("is cited by the lines that hold the passage", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [first] = yield* ask("How do I bound a queue?", 1)
      assert.isDefined(first)
      const lines = (yield* fs.readFileString(first.file)).split("\n")
      assert.strictEqual(lines[first.firstLine - 1], "/**")
      assert.include(lines[first.lastLine - 1], "export const bounded")
    })
  )
})
