/**
 * A first in, first out buffer in a circular array.
 *
 * Invariant: `slots.length` is a power of two, `head` is the slot of the oldest element, the `size` elements follow it
 * modulo the length, and every other slot is `undefined`, so that nothing taken is kept alive. The array doubles when it
 * is full and halves when three quarters of it are free: each element is copied a bounded number of times, and a burst
 * gives its memory back.
 */
export class Ring<A> {
  private slots: Array<A | undefined> = none
  private head = 0
  size = 0

  push(element: A): void {
    if (this.size === this.slots.length) this.resize(Math.max(minimumLength, this.size * 2))
    this.slots[(this.head + this.size) & (this.slots.length - 1)] = element
    this.size++
  }

  /** The ring must not be empty. */
  shift(): A {
    const element = this.slots[this.head] as A
    this.slots[this.head] = undefined
    this.head = (this.head + 1) & (this.slots.length - 1)
    this.size--
    if (this.size * 4 <= this.slots.length && this.slots.length > minimumLength) this.resize(this.slots.length / 2)
    return element
  }

  peek(): A | undefined {
    return this.slots[this.head]
  }

  /** Appends every element to `target`, oldest first, and empties the ring. */
  drainTo(target: Array<A>): void {
    const { head, size, slots } = this
    const mask = slots.length - 1
    for (let i = 0; i < size; i++) target.push(slots[(head + i) & mask] as A)
    this.slots = none
    this.head = 0
    this.size = 0
  }

  /** The elements, oldest first. */
  toArray(): Array<A> {
    const { head, size, slots } = this
    const mask = slots.length - 1
    return Array.from({ length: size }, (_, i) => slots[(head + i) & mask] as A)
  }

  private resize(length: number): void {
    const { head, size, slots } = this
    const mask = slots.length - 1
    // oxlint-disable-next-line unicorn/no-new-array -- allocates once and fills nothing
    const resized = new Array<A | undefined>(length)
    for (let i = 0; i < size; i++) resized[i] = slots[(head + i) & mask]
    this.slots = resized
    this.head = 0
  }
}

const minimumLength = 8

// Shared by all empty rings: its length is zero, so the first push replaces it.
const none: Array<never> = []
