import { Effect, Exit } from "effect"
import type { RuntimeStore, Write, WriteExit } from "../RuntimeStore.ts"
import type { Journal } from "./journal.ts"
import type { Kernel } from "./kernel.ts"
import { unlessBroken } from "./reportDefect.ts"

/** So many runtimes are written at one call: each call is answered by itself, and a store may answer one while it is at another. */
const together = 32

/** What is written at one call. A runtime that breaks does not stop the others. */
class Writing {
  readonly journals: Array<Journal> = []
  readonly writes: Array<Write> = []

  begin(journal: Journal): void {
    const change = unlessBroken(() => journal.begin())
    if (change === undefined) return
    this.journals.push(journal)
    this.writes.push({ handle: journal.handle, change })
  }

  end(exit: Exit.Exit<ReadonlyArray<WriteExit>>): void {
    this.journals.forEach((journal, i) =>
      unlessBroken(() => journal.end(Exit.isSuccess(exit) ? exit.value[i]! : Exit.failCause(exit.cause)))
    )
  }
}

/** Hands what the journals of a manager have to write over to the store, those of one slice of the event loop at once. */
export class JournalWriter {
  private readonly kernel: Kernel
  private readonly store: RuntimeStore["Service"]
  private due: Array<Journal> = []

  constructor(kernel: Kernel, store: RuntimeStore["Service"]) {
    this.kernel = kernel
    this.store = store
  }

  /** Writes after the turns of this slice: the start of the next activity rides with the end of the one before. */
  schedule(journal: Journal): void {
    if (this.due.push(journal) === 1) this.kernel.dispatcher.defer(this.flush)
  }

  scheduleLater(journal: Journal, millis: number): void {
    const { kernel } = this
    kernel.timers.set(kernel.now() + millis, () => this.schedule(journal))
  }

  private readonly flush = (): void => {
    const { due } = this
    this.due = []
    let writing = new Writing()
    for (const journal of due) {
      writing.begin(journal)
      if (writing.journals.length < together) continue
      this.write(writing)
      writing = new Writing()
    }
    if (writing.journals.length > 0) this.write(writing)
  }

  private write(writing: Writing): void {
    const { kernel, store } = this
    const written = Effect.suspend(() => store.write(writing.writes))
    kernel.fork(written, kernel.context).addObserver((exit) => writing.end(exit))
  }
}
