/**
 * A first in, first out buffer in a circular array.
 *
 * Invariant: the length of `slots` is zero or `minimumLength` times a power of four, `head` is the slot of the oldest
 * element, the `size` elements follow it modulo the length, and every other slot holds nothing, so that what was taken is
 * not kept alive. The array grows fourfold when it is full, and shrinks to a quarter when an eighth is in use: an element
 * is copied a bounded number of times, and a burst gives its memory back.
 */
export class Ring<A> {
  size = 0
  #head = 0
  #slots: Array<A | undefined> = []

  push(element: A): void {
    if (this.size === this.#slots.length) this.#resize(this.size * 4 || minimumLength)
    const slots = this.#slots
    slots[(this.#head + this.size++) & (slots.length - 1)] = element
  }

  /** The ring must not be empty. */
  shift(): A {
    const head = this.#head
    const slots = this.#slots
    const { length } = slots
    const element = slots[head] as A
    slots[head] = undefined
    this.#head = (head + 1) & (length - 1)
    if (--this.size * 8 <= length && length > minimumLength) this.#resize(length / 4)
    return element
  }

  /** The oldest element, which stays. */
  peek(): A | undefined {
    return this.#slots[this.#head]
  }

  /** The elements, oldest first. */
  toArray(): Array<A> {
    const slots = this.#slots
    const end = this.#head + this.size
    return slots.slice(this.#head, end).concat(slots.slice(0, Math.max(0, end - slots.length))) as Array<A>
  }

  /** Puts other elements in the place of all, which it answers. */
  replace(elements: ReadonlyArray<A>): Array<A> {
    // What has not come round needs no copy.
    const replaced = this.#head === 0 ? this.#slots : this.toArray()
    if (this.size < replaced.length) replaced.length = this.size
    this.size = 0
    this.#head = 0
    this.#slots = []
    for (const element of elements) this.push(element)
    return replaced as Array<A>
  }

  #resize(length: number): void {
    const head = this.#head
    const slots = this.#slots
    // oxlint-disable-next-line unicorn/no-new-array -- allocates once and fills nothing
    const resized = new Array<A | undefined>(length)
    for (let i = 0; i < this.size; i++) resized[i] = slots[(head + i) & (slots.length - 1)]
    this.#slots = resized
    this.#head = 0
  }
}

const minimumLength = 8
