import { AgentError, type AgentEvent, type AgentRuntimeState, Priority } from "@agent-runtime/schema"
import type { AgentRuntime, Subscription } from "@agent-runtime/core"
import { Effect, Exit, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import type { AuthorizationShape, Headers, Principal } from "../Authorization.ts"
import { stringify } from "./answer.ts"
import { encodeInfo } from "./encodeInfo.ts"
import { framesOf, idOf } from "./eventFrames.ts"
import { EventWriter } from "./eventWriter.ts"
import type { Gate } from "./gate.ts"

/** What a reader asks for in the query and in `Last-Event-ID`. */
export interface EventQuery {
  readonly type?: string | undefined
  readonly priority?: string | undefined
  readonly outcome?: string | undefined
  readonly from?: string | undefined
  readonly lastEventId?: string | undefined
}

const cursor = /^(\d{1,16})-(\d{1,16})$/

const parseFrom = (query: EventQuery): Exit.Exit<Subscription.From, AgentError.CursorInvalid> => {
  const text = query.lastEventId === undefined || query.lastEventId === "" ? query.from : query.lastEventId
  if (text === undefined || text === "latest") return Exit.succeed("latest")
  if (text === "earliest") return Exit.succeed("earliest")
  const [, epoch, sequence] = cursor.exec(text) ?? []
  if (!Number.isSafeInteger(Number(epoch)) || !Number.isSafeInteger(Number(sequence))) {
    return Exit.fail(
      new AgentError.CursorInvalid({
        cursor: text.slice(0, 64),
        message: `A cursor is "latest", "earliest" or the id of an event, such as 1700000000000000-42`
      })
    )
  }
  return Exit.succeed({ after: Number(sequence), epoch: Number(epoch) })
}

const list = (text: string | undefined): ReadonlyArray<string> | undefined =>
  text === undefined || text === "" ? undefined : text.split(",").map((part) => part.trim())

/** A name as it is, or percent-encoded once more: with a comma in it, it would be two. */
const nameOf = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const setOf = (text: string | undefined): ReadonlySet<string> | undefined => {
  const parts = list(text)
  return parts === undefined ? undefined : new Set(parts.map(nameOf))
}

const members = <A extends string>(
  name: string,
  text: string | undefined,
  allowed: ReadonlyArray<A>
): Exit.Exit<ReadonlyArray<A> | undefined, AgentError.RequestInvalid> => {
  const parts = list(text)
  const fine = parts?.filter((part): part is A => (allowed as ReadonlyArray<string>).includes(part))
  if (parts?.length === fine?.length) return Exit.succeed(fine)
  return Exit.fail(
    new AgentError.RequestInvalid({ path: [name], message: `${name} is a list of ${allowed.join(", ")}` })
  )
}

/** Which events a reader wants. */
export const parseQuery = Effect.fnUntraced(function* (query: EventQuery) {
  return {
    from: yield* parseFrom(query),
    types: setOf(query.type),
    priorities: yield* members("priority", query.priority, Priority.priorities),
    outcomes: (yield* members("outcome", query.outcome, ["processed", "failed"] as const)) ?? (["processed"] as const)
  }
})

type Query = Effect.Success<ReturnType<typeof parseQuery>>

/**
 * Follows how far a reader has come, also past what its filter leaves out, so that a sign of life can tell it.
 */
class Progress {
  private readonly query: Query
  /** The last sequence looked at, and the last that went to the queue. */
  private seen: number
  private queued: number | undefined = undefined
  private delivered: number | undefined = undefined

  constructor(query: Query, start: number) {
    this.query = query
    this.seen = start
  }

  readonly filter = (event: AgentEvent.AgentEvent): boolean => {
    const { outcomes, priorities, types } = this.query
    const wanted =
      (types === undefined || !("type" in event) || types.has(event.type)) &&
      (event._tag === "Processed"
        ? outcomes.includes("processed")
        : event._tag === "Failed"
          ? outcomes.includes("failed")
          : true)
    if ("sequence" in event) {
      this.seen = event.sequence
      const passes = priorities === undefined || !("priority" in event) || priorities.includes(event.priority)
      if (wanted && passes) this.queued = event.sequence
    }
    return wanted
  }

  deliver(events: ReadonlyArray<AgentEvent.AgentEvent>, start: number, length: number): void {
    // Sequences rise: the last of those that have one is how far the reader has come.
    for (let i = start + length - 1; i >= start; i--) {
      const event = events[i]
      const id = event === undefined ? undefined : idOf(event)
      if (id !== undefined) {
        this.delivered = id
        return
      }
    }
  }

  /** The sequence up to which nothing is left to deliver; `undefined` while something is. */
  get cursor(): number | undefined {
    return this.queued === undefined || (this.delivered !== undefined && this.delivered >= this.queued)
      ? this.seen
      : undefined
  }
}

/** Where a reader begins, as a cursor: from there on nothing is lost to it, also when its first connection breaks. */
const startOf = ({ epoch, sequence }: AgentRuntimeState.RuntimeInfo, from: Subscription.From) =>
  from === "latest" ? { after: sequence, epoch } : from

/** Registers a stream with the server: counted, kept alive, and cut when its credentials are no longer good. */
const register = Effect.fnUntraced(function* (
  { authorization, gate, headers, principal }: Reader,
  runtimeId: string,
  cursor: () => string | undefined,
  isBehind: () => boolean,
  first?: string
) {
  yield* gate.enterStream(principal)
  // One that dies lets nobody in either.
  const isAllowed = Effect.matchCause(
    Effect.suspend(() => authorization.authenticate(headers)),
    {
      onFailure: () => false,
      onSuccess: (now) => now.scopes.has("read") && runtimeId.startsWith(now.prefix)
    }
  )
  return yield* Effect.acquireRelease(
    Effect.sync(() => {
      const writer = new EventWriter(gate.clock, cursor, isBehind, isAllowed, first)
      gate.streams.add(writer)
      return writer
    }),
    (writer) => Effect.sync(() => gate.streams.delete(writer))
  )
})

/** Writes one after the other, each when the socket has taken the one before. */
const writeAll = (writer: EventWriter, bursts: Iterator<Uint8Array>): Effect.Effect<void> => {
  const next = bursts.next()
  if (next.done === true) return Effect.void
  writer.write(next.value)
  return Effect.flatMap(writer.ready, () => writeAll(writer, bursts))
}

/** Writes what a stream brings, a burst at a time, until it ends. */
const respond = <A, E>(
  writer: EventWriter,
  stream: Stream.Stream<A, E>,
  encode: (batch: ReadonlyArray<A>) => Iterator<Uint8Array>
) =>
  Effect.as(
    Effect.forkScoped(
      Effect.ensuring(
        // The headers go out first.
        Effect.andThen(
          writer.ready,
          Stream.runForEachArray(stream, (batch) => writeAll(writer, encode(batch)))
        ),
        Effect.sync(() => writer.end())
      )
    ),
    HttpServerResponse.stream(writer.stream, {
      contentType: "text/event-stream",
      headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
    })
  )

/** Who reads a stream, and what their requests are checked with. */
export interface Reader {
  readonly gate: Gate
  readonly authorization: AuthorizationShape
  readonly principal: Principal
  readonly headers: Headers
}

/** Opens an event stream; it is registered when this answers. */
export const open = Effect.fnUntraced(function* (reader: Reader, runtime: AgentRuntime.AgentRuntime, query: Query) {
  const info = yield* runtime.info
  const from = startOf(info, query.from)
  const start = typeof from === "object" ? from.after : 0
  const progress = new Progress(query, start)
  const cursor = () => (progress.cursor === undefined ? undefined : `${runtime.epoch}-${progress.cursor}`)
  // How far the replay goes: until then a client takes events no faster than they are read.
  const first = start < info.sequence ? `: ${info.sequence}\n` : undefined
  const writer = yield* register(reader, runtime.id, cursor, () => progress.cursor === undefined, first)
  const events = yield* runtime.subscription({
    from,
    priorities: query.priorities,
    outcomes: ["processed", "failed"],
    filter: progress.filter,
    capacity: reader.gate.limits.streamCapacity,
    name: reader.principal.name
  })
  const filter = JSON.stringify([Array.from(query.types ?? []), query.priorities, query.outcomes])
  const frames = framesOf(runtime.agent)
  return yield* respond(writer, events, function* (batch) {
    for (let start = 0; start < batch.length;) {
      const { bytes, length } = frames.burst(batch, start, runtime.epoch, filter)
      progress.deliver(batch, start, length)
      start += length
      yield bytes
    }
  })
})

const utf8 = new TextEncoder()

/** Opens a stream of what a runtime says of itself. While a reader is busy, what changes collapses into the latest. */
export const openChanges = Effect.fnUntraced(function* (reader: Reader, runtime: AgentRuntime.AgentRuntime) {
  const writer = yield* register(
    reader,
    runtime.id,
    () => undefined,
    () => false
  )
  const infos = runtime.changes.pipe(
    Stream.map((info) => `event: Info\ndata: ${stringify(encodeInfo(runtime.agent, info))}\n\n`),
    Stream.concat(Stream.make(`event: End\ndata: {"reason":"terminated"}\n\n`))
  )
  return yield* respond(writer, infos, function* (batch) {
    for (const info of batch) yield utf8.encode(info)
  })
})
