/**
 * A growable ring: push at the tail, shift at the head, index from the head, all O(1). Gives its memory back when empty, but for a
 * few kilobytes that the next burst would ask for again.
 *
 * Invariant: the elements are `items[(head + i) & mask]` for `0 <= i < length`; every other slot is `undefined`.
 */
export class Deque<A> {
  private items: Array<A | undefined> | undefined = undefined
  private head = 0
  length = 0

  push(value: A): void {
    let items = this.items
    if (items === undefined) {
      items = this.items = [undefined, undefined, undefined, undefined]
    } else if (this.length === items.length) {
      items = this.grow(items)
    }
    items[(this.head + this.length) & (items.length - 1)] = value
    this.length++
  }

  shift(): A | undefined {
    const items = this.items
    if (items === undefined || this.length === 0) return undefined
    const value = items[this.head]
    items[this.head] = undefined
    this.head = (this.head + 1) & (items.length - 1)
    if (--this.length === 0 && items.length > 1024) this.clear()
    return value
  }

  at(index: number): A | undefined {
    const items = this.items
    if (items === undefined || index < 0 || index >= this.length) return undefined
    return items[(this.head + index) & (items.length - 1)]
  }

  /** Removes the first element that is `value`, O(n). */
  remove(value: A): boolean {
    for (let i = 0; i < this.length; i++) {
      if (this.at(i) !== value) continue
      const rest = this.toArray()
      rest.splice(i, 1)
      this.clear()
      for (const item of rest) this.push(item)
      return true
    }
    return false
  }

  toArray(from = 0, to = this.length): Array<A> {
    const out: Array<A> = []
    for (let i = from; i < to; i++) out.push(this.at(i)!)
    return out
  }

  clear(): void {
    this.items = undefined
    this.head = 0
    this.length = 0
  }

  private grow(items: Array<A | undefined>): Array<A | undefined> {
    const next: Array<A | undefined> = this.toArray()
    const size = items.length * 2
    while (next.length < size) next.push(undefined)
    this.items = next
    this.head = 0
    return next
  }
}
