/**
 * One who is to be told of something once, in a circular list of those who are. The list is named by its last link.
 *
 * Not an array: V8 learns where array literals outlive a collection and makes them in old space from then on, where each keeps alive
 * what it held (the closures, their fibers, what these hold) until the next major collection. It learns nothing of instances.
 */
export class Callback {
  readonly notify: () => void
  next: Callback

  constructor(notify: () => void) {
    this.notify = notify
    this.next = this
  }
}

/** The list with one more at its end. */
export const add = (last: Callback | undefined, added: Callback): Callback => {
  if (last !== undefined) {
    added.next = last.next
    last.next = added
  }
  return added
}

/** The list without one, which need not be in it. */
export const remove = (last: Callback | undefined, removed: Callback): Callback | undefined => {
  if (last === undefined) return undefined
  let before = last
  while (before.next !== removed) {
    before = before.next
    if (before === last) return last
  }
  if (before === removed) return undefined
  before.next = removed.next
  return removed === last ? before : last
}

/** In the order in which they were added. */
export const forEach = (last: Callback | undefined, use: (notify: () => void) => void): void => {
  if (last === undefined) return
  let next = last
  do {
    next = next.next
    use(next.notify)
  } while (next !== last)
}
