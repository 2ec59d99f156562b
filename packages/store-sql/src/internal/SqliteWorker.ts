// The thread that owns the database file: it opens it, runs one request after the other and answers each. A commit that
// waits for the disk waits here, not in the event loop of the program.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { parentPort, workerData } from "node:worker_threads"
import type { Answer, Fault, Opening, Part, Request, Write } from "./SqliteProtocol.ts"

const opening = workerData as Opening
const port = parentPort!

// Node 22 announces node:sqlite as experimental on the first import: that is our choice, not the user's concern. This
// `process` is the worker's own, and every other warning still shows.
const emitWarning = process.emitWarning.bind(process) as (...args: ReadonlyArray<unknown>) => void
process.emitWarning = (...args: ReadonlyArray<unknown>) => {
  if (!String(args[0]).includes("SQLite is an experimental feature")) emitWarning(...args)
}

class InUse extends Error {}

const codeOf = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode
    : undefined

const busy = 5
const cannotOpen = 14

/** Kept for as long as the thread lives. */
let held: DatabaseSync | undefined

/**
 * Holds the file. The lock is SQLite's own, on an empty file beside it: readers of the database are not kept out, and the
 * operating system frees it however the process ends. Returns why there is no such file to open.
 */
const hold = async (): Promise<Error | undefined> => {
  if (!opening.exclusive || opening.filename === ":memory:") return undefined
  const lock = `${realName(opening.filename)}-lock`
  const { DatabaseSync } = await import("node:sqlite")
  try {
    held = new DatabaseSync(lock, { timeout: opening.busyTimeout })
    held.exec("BEGIN EXCLUSIVE")
    return undefined
  } catch (cause) {
    const code = (codeOf(cause) ?? 0) & 0xff
    if (code === busy) throw new InUse(`${lock} is locked`, { cause })
    const unheld = new Error(`${lock} cannot be locked: ${toFault(cause).message}`, { cause })
    if (code === cannotOpen) return unheld
    throw unheld
  }
}

/** The name that all have in common who come to a file by symbolic links, whether it is there or not. */
const realName = (filename: string): string => {
  const found = statSync(filename, { throwIfNoEntry: false })
  if (found !== undefined) {
    // SQLite keeps its log beside the name it is given: by another name the file is another one, and damaged.
    if (found.isFile() && found.nlink > 1)
      throw new Error(`${filename} has ${found.nlink} names, by hard links: a database has one`)
    return realpathSync(filename)
  }
  const folder = dirname(filename)
  // Where its folder is missing, SQLite says so.
  if (!existsSync(folder)) return filename
  const name = join(realpathSync(folder), basename(filename))
  const isLink = lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() === true
  return isLink ? realName(resolve(dirname(name), readlinkSync(name))) : name
}

const open = async (): Promise<DatabaseSync> => {
  if (opening.filename === "") throw new Error(`filename is empty: give a path, or ":memory:"`)
  if (opening.filename.startsWith("file:")) throw new Error(`filename is a URI: give a path, or ":memory:"`)
  const unheld = await hold()
  const { DatabaseSync } = await import("node:sqlite")
  const db = new DatabaseSync(opening.filename, { readOnly: opening.readonly, timeout: opening.busyTimeout })
  try {
    if (!opening.readonly) {
      db.exec("PRAGMA journal_mode = WAL")
      db.exec("PRAGMA journal_size_limit = 67108864")
      // The same few pages change at each commit: written back less often, they are written back less.
      db.exec("PRAGMA wal_autocheckpoint = 4096")
    }
    db.exec(`PRAGMA synchronous = ${opening.synchronous}`)
    if (opening.maxSize !== undefined) {
      const pageSize = Number(db.prepare("PRAGMA page_size").get()!["page_size"])
      db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(opening.maxSize / pageSize))}`)
    }
    // Opening alone reads nothing: a file that is not a database shows itself here, not at the first send.
    db.prepare("SELECT count(*) FROM sqlite_schema").get()
    // Where no file can be made, the database has said so itself by now, and better.
    if (unheld !== undefined && !opening.readonly) throw unheld
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

const toFault = (cause: unknown): Fault => ({
  message: cause instanceof Error ? cause.message : String(cause),
  code: codeOf(cause),
  inUse: cause instanceof InUse
})

const toInput = (value: unknown): SQLInputValue =>
  value === true ? 1 : value === false ? 0 : value === undefined ? null : (value as SQLInputValue)

const serve = (db: DatabaseSync) => {
  // Insertion order is the order of use: what is used moves to the end, what is first goes when the cache is full.
  const statements = new Map<string, StatementSync>()
  let cursor: Iterator<unknown> | undefined

  const prepare = (sql: string, cached: boolean): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) {
      statements.delete(sql)
      statements.set(sql, known)
      return known
    }
    const statement = db.prepare(sql)
    if (cached) {
      if (statements.size >= opening.statementCacheSize) {
        const oldest = statements.keys().next()
        if (oldest.done !== true) statements.delete(oldest.value)
      }
      statements.set(sql, statement)
    }
    return statement
  }

  // The transaction that comes in parts: whether it has begun, the guarded rows that found nothing to change, and what broke it.
  let begun = false
  let missed: Array<unknown> = []
  let broken: { readonly cause: unknown } | undefined

  const write = (writes: ReadonlyArray<Write>): void => {
    if (broken !== undefined) return
    try {
      if (!begun) prepare("BEGIN IMMEDIATE", true).run()
      begun = true
      for (const { guarded, rows, sql } of writes) {
        const statement = prepare(sql, true)
        const isQuery = guarded && statement.columns().length > 0
        for (const row of rows) {
          const found = isQuery ? statement.get(...row) !== undefined : Number(statement.run(...row).changes) > 0
          if (guarded && !found) missed.push(row)
        }
      }
    } catch (cause) {
      broken = { cause }
    }
  }

  const abandon = (): void => {
    if (begun && db.isTransaction) db.exec("ROLLBACK")
    begun = false
    missed = []
    broken = undefined
  }

  /** The rows that found nothing to change; where there are any, nothing has happened. */
  const commit = (writes: ReadonlyArray<Write>): ReadonlyArray<unknown> => {
    write(writes)
    try {
      if (broken !== undefined) throw broken.cause
      if (missed.length === 0) prepare("COMMIT", true).run()
      return missed
    } finally {
      abandon()
    }
  }

  const handle = (request: Request): unknown => {
    switch (request[0]) {
      case "run": {
        const [, sql, params, shape, bigints, cached] = request
        const statement = prepare(sql, cached)
        statement.setReadBigInts(bigints)
        statement.setReturnArrays(shape === "values")
        if (statement.columns().length > 0) return statement.all(...params.map(toInput))
        const result = statement.run(...params.map(toInput))
        return shape === "raw" ? { changes: result.changes, lastInsertRowid: result.lastInsertRowid } : []
      }
      case "commit":
        return commit(request[1])
      case "abandon":
        return abandon()
      case "iterate": {
        const statement = prepare(request[1], false)
        statement.setReadBigInts(request[3])
        cursor = statement.iterate(...request[2].map(toInput))
        return undefined
      }
      case "next": {
        const rows: Array<unknown> = []
        while (cursor !== undefined && rows.length < request[1]) {
          const next = cursor.next()
          if (next.done === true) cursor = undefined
          else rows.push(next.value)
        }
        return rows
      }
      case "end": {
        cursor?.return?.()
        cursor = undefined
        return undefined
      }
      case "close": {
        statements.clear()
        try {
          if (!opening.readonly) db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
        } catch {
          // Whoever opens the file next finds the same rows in the log that stays beside it.
        }
        db.close()
        held?.close()
        return undefined
      }
    }
  }

  const answer = (request: Request): Answer => {
    try {
      const value = handle(request)
      return { value, inTransaction: db.isOpen && db.isTransaction }
    } catch (cause) {
      return { fault: toFault(cause), inTransaction: db.isOpen && db.isTransaction }
    }
  }

  port.on("message", (request: Part | Request) => {
    if (request[0] === "write") return write(request[1])
    port.postMessage(answer(request))
    if (request[0] === "close") port.close()
  })
}

open().then(
  (db) => {
    serve(db)
    port.postMessage({ value: undefined, inTransaction: false } satisfies Answer)
  },
  (cause) => {
    port.postMessage({ fault: toFault(cause), inTransaction: false } satisfies Answer)
    port.close()
  }
)
