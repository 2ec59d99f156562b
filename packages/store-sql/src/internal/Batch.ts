// What one commit does: runtimes created, runtimes opened, and changes of runtimes as rows.
import type { RuntimeStore } from "@agent-runtime/core"
import { AgentError } from "@agent-runtime/schema"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Changes, type Writes } from "./Changes.ts"
import type { Held } from "./Held.ts"
import * as Life from "./Life.ts"
import type { Guards } from "./Statements.ts"

export class Batch {
  private readonly created = new Map<string, { readonly options: Life.CreateOptions; held: Held | undefined }>()
  private readonly opened = new Map<string, Life.Opening>()
  private readonly changes: Changes
  private readonly fenced: ReadonlySet<number>

  /** `fenced` are runtimes known to have another owner: their changes are left out. */
  constructor(fenced: ReadonlySet<number>, nextPosition: () => number) {
    this.fenced = fenced
    this.changes = new Changes(nextPosition)
  }

  create(options: Life.CreateOptions): () => Exit.Exit<Held, AgentError.AgentRuntimeAlreadyExists> {
    const { id } = options
    const creation = { options, held: undefined }
    // Of those that create one id in one batch the first wins.
    if (!this.created.has(id)) this.created.set(id, creation)
    return () => {
      const held = this.created.get(id) === creation ? creation.held : undefined
      return held === undefined ? Exit.fail(AgentError.AgentRuntimeAlreadyExists.of(id)) : Exit.succeed(held)
    }
  }

  open(id: string, canRun: Life.CanRun = () => true): () => Exit.Exit<RuntimeStore.Opened | undefined> {
    const opening = this.opened.get(id) ?? { canRun: [], found: undefined }
    opening.canRun.push(canRun)
    this.opened.set(id, opening)
    return () => Exit.succeed(opening.found?.opened)
  }

  write(held: Held, change: RuntimeStore.Change): () => Exit.Exit<RuntimeStore.Written, RuntimeStore.RuntimeFenced> {
    if (!this.fenced.has(held.runtime)) return this.changes.add(held, change)
    return () => Exit.fail(Life.fenced(held))
  }

  /** What is to be written of runtimes that are held already, and was not yet taken. */
  take(guards: Guards): ReadonlyArray<Writes> {
    return this.changes.take(guards)
  }

  get hasLives(): boolean {
    return this.created.size > 0 || this.opened.size > 0
  }

  /** Creates and opens, inside the current transaction. */
  live(sql: SqlClient, owner: number): Effect.Effect<void, SqlError> {
    return Effect.andThen(Life.create(sql, owner, this.created), Life.open(sql, owner, this.opened))
  }

  /** The commit has succeeded. */
  settle(): void {
    this.changes.settle()
  }

  /** The highest position that a runtime had when it was opened. */
  get highest(): number {
    let highest = 0
    for (const { found } of this.opened.values()) {
      if (found !== undefined) highest = Math.max(highest, found.highest)
    }
    return highest
  }
}
