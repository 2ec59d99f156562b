/** What the tests of a store do with its runtimes, all of one agent. */
import type { RuntimeStore } from "@agent-runtime/core"
import { AgentRuntimeId } from "@agent-runtime/schema"
import { Effect } from "effect"
import { accepted, write } from "./Stores.ts"

export type Store = RuntimeStore.RuntimeStore["Service"]

export const id = (name: string) => AgentRuntimeId.AgentRuntimeId.make(name)

export const create = (store: Store, name: string, epoch = 1) =>
  store.create({ id: id(name), agent: "Account", epoch, state: { n: 0 }, version: 1, info: { paused: false } })

export const accept = (store: Store, handle: RuntimeStore.Handle, ...names: ReadonlyArray<string>) =>
  Effect.map(
    write(store, handle, {
      accept: names.map((name) => accepted({ name }))
    }),
    (written) => written.accepted
  )

export const end = (store: Store, handle: RuntimeStore.Handle, position: number, sequence: number, keep = false) =>
  write(store, handle, {
    remove: [position],
    append: [{ sequence, at: 1000 + sequence, entry: { ended: sequence } }],
    state: { state: { n: sequence }, version: 1, sequence, keep }
  })

export const open = (store: Store, name: string) =>
  Effect.map(store.open(id(name)), (opened) => {
    if (opened === undefined) throw new Error(`${name} is not there`)
    return opened
  })

export const logged = (store: Store, name: string, epoch = 1) => store.log(id(name), { epoch, after: 0, limit: 100 })

export const sequences = (store: Store, name: string) =>
  Effect.map(logged(store, name), (entries) => entries.map((one) => one.sequence))

export const names = (opened: RuntimeStore.Opened) => opened.pending.map((one) => one.activity)
