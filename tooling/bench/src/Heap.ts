/**
 * A heap that has been used before, as that of a program that has run for a while.
 *
 * V8 asks the system for memory as what lives longer than a moment piles up, and keeps what a collection frees for the next time.
 * A page that is touched for the first time costs 0.2 us on most machines, and 10 to 14 us on some rented ones (measured with
 * `mmap` and a byte a page): there the first seconds of a process, until its first full collection, tell of the machine rather
 * than of the program. `core/backlog` ran at half its speed for as long.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** MiB: more than any case piles up between two full collections. */
const size = 128

/** Fills the heap with what is garbage at once, and has it collected. */
export const warm = (): void => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  // Small enough for the pages that objects share.
  let garbage: Array<ReadonlyArray<number>> = []
  while (garbage.length < size * 16) garbage.push(Array(8000).fill(0))
  // All of it has become old by the second time.
  collect()
  garbage = []
  collect()
}
