import { Exit } from "effect"
import type { RuntimeStore, Write } from "../RuntimeStore.ts"
import type { Journal } from "./journal.ts"
import type { Kernel } from "./kernel.ts"
import { reportDefect } from "./reportDefect.ts"

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
    if (this.due.push(journal) === 1) this.kernel.dispatcher.defer(this.write)
  }

  scheduleLater(journal: Journal, millis: number): void {
    const { kernel } = this
    kernel.timers.set(kernel.now() + millis, () => this.schedule(journal))
  }

  private readonly write = (): void => {
    const journals: Array<Journal> = []
    const writes: Array<Write> = []
    const { due } = this
    this.due = []
    for (const journal of due) {
      const change = journal.begin()
      if (change === undefined) continue
      journals.push(journal)
      writes.push({ handle: journal.handle, change })
    }
    if (writes.length === 0) return
    const fiber = this.kernel.fork(this.store.write(writes), this.kernel.context)
    fiber.addObserver((exit) => {
      for (let i = 0; i < journals.length; i++) {
        try {
          journals[i]!.end(Exit.isSuccess(exit) ? exit.value[i]! : Exit.failCause(exit.cause))
        } catch (defect) {
          reportDefect(defect)
        }
      }
    })
  }
}
