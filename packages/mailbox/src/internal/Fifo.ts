/**
 * A first in, first out buffer in a list of short arrays.
 *
 * Invariant: the elements are in the slots from `start` of the segment `head` on, up to `end` of the segment `tail`, and every
 * other slot holds nothing, so that what was taken is not kept alive. Where there are no elements, `start` and `end` are 0
 * in the only segment, a shortest one. A segment that is added has about as many slots as are in use: few elements need
 * few slots, many need few segments, no element is ever moved, and a burst gives its memory back as it drains.
 */
export class Fifo<A> {
  size = 0
  #head = segmentOf<A>(minimumLength)
  #tail = this.#head
  #start = 0
  #end = 0

  push(element: A): void {
    if (this.#end === this.#tail.slots.length) {
      this.#tail = this.#tail.next = segmentOf(Math.min(Math.max(this.size, minimumLength), maximumLength))
      this.#end = 0
    }
    this.#tail.slots[this.#end++] = element
    this.size++
  }

  /** There must be an element. */
  shift(): A {
    const { slots } = this.#head
    const element = slots[this.#start] as A
    slots[this.#start++] = undefined
    if (--this.size === 0) {
      this.#start = this.#end = 0
      if (slots.length > minimumLength) this.#head = this.#tail = segmentOf(minimumLength)
    } else if (this.#start === slots.length) {
      const { next } = this.#head
      // Or else a segment that has survived a collection would keep alive all that follow.
      this.#head.next = undefined
      this.#head = next!
      this.#start = 0
    }
    return element
  }

  /** The oldest element, which stays. */
  peek(): A | undefined {
    return this.#head.slots[this.#start]
  }

  /** The given elements and then those in here, oldest first. */
  appendedTo(elements: Array<A>): Array<A> {
    const parts: Array<Array<A | undefined>> = []
    for (let segment: Segment<A> | undefined = this.#head; segment !== undefined; segment = segment.next) {
      parts.push(segment === this.#tail ? segment.slots.slice(0, this.#end) : segment.slots)
    }
    parts[0] = parts[0]!.slice(this.#start)
    return elements.concat(...(parts as Array<Array<A>>))
  }

  /** Puts other elements in the place of all. */
  replace(elements: ReadonlyArray<A>): void {
    this.size = this.#start = this.#end = 0
    this.#head = this.#tail = segmentOf(minimumLength)
    for (const element of elements) this.push(element)
  }
}

interface Segment<A> {
  readonly slots: Array<A | undefined>
  next: Segment<A> | undefined
}

// oxlint-disable-next-line unicorn/no-new-array -- allocates once and fills nothing
const segmentOf = <A>(length: number): Segment<A> => ({ slots: new Array<A | undefined>(length), next: undefined })

const minimumLength = 8
const maximumLength = 1024
