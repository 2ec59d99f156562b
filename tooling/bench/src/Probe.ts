/**
 * How much a neighbour slows this processor, which nothing in the machine tells: on a rented one a processor is half a core, and
 * whoever has the other half takes up to half of what the core can do in a moment, for seconds.
 *
 * Independent additions keep all units of the core busy, so they take longer exactly when it is shared (D. Tullsen, S. Eggers and
 * H. Levy, Simultaneous Multithreading, ISCA 1995); a chain in which each waits for the one before would not notice. They need no
 * memory, and so take nothing out of the caches of what is measured.
 */
import { setTimeout } from "node:timers/promises"

const additions = 2_000_000

/** What nobody reads would not be added up. */
let sum = 0

/** The milliseconds that the additions take now, about two. */
const probe = (): number => {
  let a = 1
  let b = 2
  let c = 3
  let d = 4
  let e = 5
  let f = 6
  const start = performance.now()
  for (let i = 0; i < additions; i++) {
    a = (a + i) | 0
    b = (b ^ i) | 0
    c = (c + (i << 1)) | 0
    d = (d ^ (i >> 1)) | 0
    e = (e + 7) | 0
    f = (f ^ (e & 3)) | 0
  }
  const millis = performance.now() - start
  sum = (sum + a + b + c + d + f) | 0
  return millis
}

let fastest = Number.POSITIVE_INFINITY

/** The fastest that any process of this run was, as far as this one knows. */
export const known = (): number => fastest

export const learn = (millis: number): void => {
  fastest = Math.min(fastest, millis)
}

/** Has it compiled. */
export const prepare = (): void => {
  for (let i = 0; i < 40; i++) learn(probe())
}

/** How much slower the processor is than at its best: 1 for not at all. */
export const slowdown = (): number => {
  const millis = probe()
  learn(millis)
  return millis / fastest
}

/** A processor of which a neighbour takes no more than this is taken for undisturbed. */
export const calm = 1.15

/** Waits for a calm moment, up to two seconds. */
export const untilCalm = async (): Promise<void> => {
  prepare()
  const end = performance.now() + 2000
  while (slowdown() > calm && performance.now() < end) await setTimeout(20)
}
