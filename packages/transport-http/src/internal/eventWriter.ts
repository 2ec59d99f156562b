import { type AgentEvent } from "@agent-runtime/schema"
import { type Array as Arr, Cause, type Clock, Effect, Exit, Fiber, type Pull, Stream } from "effect"

const utf8 = new TextEncoder()

const comment = utf8.encode(": alive\n\n")

type Bytes = Arr.NonEmptyReadonlyArray<Uint8Array>

/**
 * The way of one event stream to its socket: one burst at a time, signs of life in between, and one end.
 *
 * Invariant: at most one burst waits here (`next`); the subscription's own queue holds the rest, for there it is counted
 * and a `Gap` tells what was lost. While `reader` is set the socket is ready for more.
 */
export class EventWriter {
  private readonly clock: Clock.Clock
  private next: Uint8Array | undefined
  private reader: ((effect: Exit.Exit<Bytes, Cause.Done>) => void) | undefined = undefined
  private pump: (() => void) | undefined = undefined
  private ended = false
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private writtenAt: number
  /** The id up to which the reader has everything, for signs of life; `undefined` while there is none to tell. */
  readonly cursor: () => string | undefined
  /** Whether something has happened that the reader is yet to be given. */
  readonly isBehind: () => boolean
  /** Whether whoever opened the stream may still read it. */
  readonly isAllowed: Effect.Effect<boolean>

  constructor(
    clock: Clock.Clock,
    cursor: () => string | undefined,
    isBehind: () => boolean,
    isAllowed: Effect.Effect<boolean>,
    /** What is said first, in a comment. */
    first = ""
  ) {
    this.clock = clock
    this.cursor = cursor
    this.isBehind = isBehind
    this.isAllowed = isAllowed
    this.writtenAt = clock.currentTimeMillisUnsafe()
    // The headers go out with it: a reader knows at once that it is registered, and where it begins.
    this.next = concat(utf8.encode(first), this.alive())
  }

  private alive(): Uint8Array {
    const id = this.cursor()
    return id === undefined ? comment : utf8.encode(`id: ${id}\n\n`)
  }

  /** What the response reads. */
  readonly stream: Stream.Stream<Uint8Array> = Stream.suspend(() => Stream.fromPull(Effect.succeed(this.pull)))

  private readonly pull: Pull.Pull<Bytes> = Effect.withFiber((fiber) => {
    this.fiber = fiber
    return (
      this.take() ??
      Effect.callback<Bytes, Cause.Done>((resume) => {
        // The fiber may have yielded since it looked.
        const taken = this.take()
        if (taken !== undefined) return resume(taken)
        this.reader = resume
        return Effect.sync(() => {
          this.reader = undefined
        })
      })
    )
  })

  /** What can be read now. */
  private take(): Pull.Pull<Bytes> | undefined {
    this.writtenAt = this.clock.currentTimeMillisUnsafe()
    const { next } = this
    if (next === undefined) return this.ended ? Cause.done() : undefined
    this.next = undefined
    this.wakePump()
    return Exit.succeed<Bytes>([next])
  }

  private give(bytes: Uint8Array): void {
    const { reader } = this
    if (reader === undefined) {
      this.next = bytes
      return
    }
    this.reader = undefined
    this.writtenAt = this.clock.currentTimeMillisUnsafe()
    reader(Exit.succeed<Bytes>([bytes]))
  }

  private wakePump(): void {
    const { pump } = this
    this.pump = undefined
    pump?.()
  }

  /** Waits until a burst can be given. */
  readonly ready: Effect.Effect<void> = Effect.suspend(() =>
    this.next === undefined
      ? Exit.void
      : Effect.callback<void>((resume) => {
          if (this.next === undefined) return resume(Exit.void)
          this.pump = () => resume(Exit.void)
          return Effect.sync(() => {
            this.pump = undefined
          })
        })
  )

  write(bytes: Uint8Array): void {
    if (!this.ended) this.give(bytes)
  }

  /** Ends the stream after what was written. */
  end(): void {
    if (this.ended) return
    this.ended = true
    const { reader } = this
    this.reader = undefined
    reader?.(Exit.fail(Cause.Done()))
  }

  /** Tells the reader why no more will come, then ends the stream. */
  close(reason: AgentEvent.End["reason"]): void {
    if (this.ended) return
    const end = utf8.encode(`event: End\ndata: ${JSON.stringify({ reason })}\n\n`)
    const { next } = this
    this.give(next === undefined ? end : concat(next, end))
    this.end()
  }

  /** Breaks the connection. */
  cut(): void {
    this.ended = true
    this.next = undefined
    this.fiber?.interruptUnsafe()
  }

  /** A sign of life after a silence of `keepAlive`; a reader that does not read for `stall` is cut. */
  tick(now: number, keepAlive: number, stall: number): void {
    const silence = now - this.writtenAt
    if (this.reader === undefined) {
      if (silence >= stall) this.cut()
    } else if (silence >= keepAlive) {
      this.give(this.alive())
    }
  }
}

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
