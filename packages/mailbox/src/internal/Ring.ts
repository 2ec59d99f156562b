/**
 * A first in, first out buffer in a circular array.
 *
 * Invariant: the length of `slots` is a power of two or zero, `head` is the slot of the oldest element, the `size` elements
 * follow it modulo the length, and every other slot holds nothing, so that what was taken is not kept alive. The array
 * doubles when it is full and halves when three quarters of it are free: an element is copied a bounded number of times,
 * and a burst gives its memory back.
 */
export class Ring<A> {
  size = 0
  private head = 0
  private slots: Array<A | undefined> = none

  push(element: A): void {
    if (this.size === this.slots.length) this.grow()
    const { slots } = this
    slots[(this.head + this.size++) & (slots.length - 1)] = element
  }

  /** The ring must not be empty. */
  shift(): A {
    const { head, slots } = this
    const { length } = slots
    const element = slots[head] as A
    slots[head] = undefined
    this.head = (head + 1) & (length - 1)
    if (--this.size << 2 <= length && length > minimumLength) this.shrink()
    return element
  }

  /** The oldest element, which stays. */
  peek(): A | undefined {
    return this.slots[this.head]
  }

  /** The elements, oldest first. */
  toArray(): Array<A> {
    const end = this.head + this.size
    const { length } = this.slots
    return (
      end <= length
        ? this.slots.slice(this.head, end)
        : this.slots.slice(this.head).concat(this.slots.slice(0, end - length))
    ) as Array<A>
  }

  /** Puts other elements in the place of all, which it answers. */
  replace(elements: ReadonlyArray<A>): Array<A> {
    const { head, size, slots } = this
    const replaced = head === 0 ? slots : this.toArray()
    // What has not come round needs no copy.
    if (size < replaced.length) replaced.length = size
    this.size = 0
    this.head = 0
    this.slots = none
    for (const element of elements) this.push(element)
    return replaced as Array<A>
  }

  private grow(): void {
    const { head, slots } = this
    const { length } = slots
    if (length === 0) this.slots = []
    this.slots.length = Math.max(minimumLength, length * 2)
    // What had come round to the front goes behind the rest.
    for (let i = 0; i < head; i++) {
      slots[length + i] = slots[i]
      slots[i] = undefined
    }
  }

  private shrink(): void {
    const slots = this.toArray() as Array<A | undefined>
    slots.length = this.slots.length / 2
    this.head = 0
    this.slots = slots
  }
}

const minimumLength = 8

// Shared by all empty rings: its length is zero, so that it is never written to.
const none: Array<never> = []
