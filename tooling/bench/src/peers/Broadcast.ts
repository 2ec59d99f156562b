/** Broadcasting by hand: one publisher, many fibers that each read in batches. */
import { Effect, PubSub, Queue, Scope } from "effect"

export interface Event {
  readonly sequence: number
}

/** Answers how to publish a burst to every subscriber; `delivered` hears how many events one of them has just read. */
export type MakeBroadcast = (
  subscribers: number,
  delivered: (events: number) => void
) => Promise<(events: ReadonlyArray<Event>) => void>

const readForever = (take: Effect.Effect<ReadonlyArray<Event>>, delivered: (events: number) => void) =>
  Effect.forkDetach(
    Effect.gen(function* () {
      while (true) delivered((yield* take).length)
    }),
    { startImmediately: true }
  )

/** The whole burst in one call, which is what makes `takeAll` see a batch: single publishes wake the readers one by one. */
export const pubSub: MakeBroadcast = (subscribers, delivered) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const hub = yield* PubSub.unbounded<Event>()
      const scope = yield* Scope.make()
      for (let i = 0; i < subscribers; i++) {
        const subscription = yield* Scope.provide(PubSub.subscribe(hub), scope)
        yield* readForever(PubSub.takeAll(subscription), delivered)
      }
      return (events) => void Effect.runSync(PubSub.publishAll(hub, events))
    })
  )

export const queues: MakeBroadcast = (subscribers, delivered) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const queues = yield* Effect.replicateEffect(Queue.unbounded<Event>(), subscribers)
      for (const queue of queues) yield* readForever(Queue.takeAll(queue), delivered)
      return (events) => {
        for (const event of events) for (const queue of queues) Queue.offerUnsafe(queue, event)
      }
    })
  )

/** No fibers: every event is pushed to an array for each subscriber, read in the next microtask. */
export const arrays: MakeBroadcast = async (subscribers, delivered) => {
  const inboxes = Array.from({ length: subscribers }, (): Array<Event> => [])
  const read = () => {
    for (let i = 0; i < inboxes.length; i++) {
      const events = inboxes[i]!
      inboxes[i] = []
      delivered(events.length)
    }
  }
  return (events) => {
    for (const event of events) for (const inbox of inboxes) inbox.push(event)
    queueMicrotask(read)
  }
}

/** No fibers: one ring, a cursor for each subscriber, who copies out what is new in the next microtask. */
export const cursors: MakeBroadcast = async (subscribers, delivered) => {
  const ring: Array<Event | undefined> = Array.from({ length: 1024 })
  const positions = Array.from({ length: subscribers }, () => 0)
  let head = 0
  const read = () => {
    for (let i = 0; i < positions.length; i++) {
      const events: Array<Event> = []
      for (let at = positions[i]!; at < head; at++) events.push(ring[at & 1023]!)
      positions[i] = head
      delivered(events.length)
    }
  }
  return (events) => {
    for (const event of events) ring[head++ & 1023] = event
    queueMicrotask(read)
  }
}
