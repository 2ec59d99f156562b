/** A growing ring buffer in a power of two: the ceiling for anything that holds elements in order. */
export interface Ring<A> {
  readonly push: (element: A) => void
  readonly shift: () => A | undefined
  readonly size: () => number
}

export const makeRing = <A>(): Ring<A> => {
  let slots: Array<A | undefined> = Array.from({ length: 16 })
  let mask = 15
  let head = 0
  let size = 0
  const grow = () => {
    const next: Array<A | undefined> = Array.from({ length: slots.length * 2 })
    for (let i = 0; i < size; i++) next[i] = slots[(head + i) & mask]
    slots = next
    mask = slots.length - 1
    head = 0
  }
  return {
    push: (element) => {
      if (size === slots.length) grow()
      slots[(head + size++) & mask] = element
    },
    shift: () => {
      if (size === 0) return undefined
      const element = slots[head]
      slots[head] = undefined
      head = (head + 1) & mask
      size--
      return element
    },
    size: () => size
  }
}
